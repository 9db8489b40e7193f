//! `init`: writes a first description from the user's own compose files. Nothing is started.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Component, Path, PathBuf};

use clap::Args as ClapArgs;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use crate::cli::output::{fail, say};
use crate::cluster::Compose;
use crate::init::like::{FAMILIES, Like};
use crate::init::{Draft, Request, draft};
use crate::system::load::open::{Known, load};

/// Name of a description that nobody has named.
const NAME: &str = "system.toml";

/// Options of `init`.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct Args {
    /// Compose files of the system, in the order in which Compose takes them.
    #[arg(required = true, value_name = "COMPOSE")]
    compose: Vec<PathBuf>,
    /// Fills in requests, stream and owner as servers of this family have them. They are written into the file: there are no
    /// hidden presets.
    #[arg(long, value_name = "FAMILY", value_parser = families())]
    like: Option<Like>,
    /// File to write. By default `system.toml` beside the first compose file.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Writes over a file that is there.
    #[arg(long)]
    force: bool,
}

fn families() -> impl TypedValueParser<Value = Like> {
    let values = FAMILIES.map(|family| PossibleValue::new(family.name).help(family.about));
    PossibleValuesParser::new(values).try_map(|name| Like::of(&name).ok_or("no such family"))
}

pub(in crate::cli) async fn init(args: &Args) -> u8 {
    match try_init(args).await {
        Ok(report) => {
            say(&report);
            0
        }
        Err(why) => fail(&why),
    }
}

async fn try_init(args: &Args) -> Result<String, String> {
    let output = match &args.output {
        Some(output) => output.clone(),
        None => folder(&args.compose[0]).join(NAME),
    };
    if !args.force && output.exists() {
        return Err(is_there(&output));
    }
    let compose = Compose::find().await.map_err(|e| e.to_string())?;
    let resolved = compose
        .resolve(&args.compose, &BTreeMap::new())
        .await
        .map_err(|e| e.to_string())?;
    let written = args
        .compose
        .iter()
        .map(|file| fs::read_to_string(file).map_err(|e| about(file, &e)));
    let written = written.collect::<Result<Vec<_>, _>>()?.join("\n");
    let files = args.compose.iter().map(|file| relative(folder(&output), file));
    let request = Request {
        file: &output.file_name().unwrap_or_default().to_string_lossy(),
        compose: &files.collect::<Result<Vec<_>, _>>()?,
        written: &written,
        like: args.like,
    };
    let draft = draft(&resolved, &request);
    write(&output, &draft.text, args.force)?;
    Ok(report(&output, &draft))
}

fn is_there(output: &Path) -> String {
    format!(
        "{} is there already; --force writes over it, --output FILE writes elsewhere",
        output.display()
    )
}

fn about(file: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", file.display())
}

/// The folder of a file.
fn folder(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// The path of a file from a folder, as a description writes it.
fn relative(folder: &Path, file: &Path) -> Result<String, String> {
    let whole = |path: &Path| path.canonicalize().map_err(|e| about(path, &e));
    let (folder, file) = (whole(folder)?, whole(file)?);
    let shared = folder
        .components()
        .zip(file.components())
        .take_while(|(one, other)| one == other);
    let shared = shared.count();
    let up = folder.components().skip(shared).map(|_| Component::ParentDir);
    let path: PathBuf = up.chain(file.components().skip(shared)).collect();
    Ok(path.to_string_lossy().into_owned())
}

fn write(output: &Path, text: &str, over: bool) -> Result<(), String> {
    let opened = if over {
        File::create(output)
    } else {
        OpenOptions::new().write(true).create_new(true).open(output)
    };
    let mut file = opened.map_err(|e| match e.kind() {
        std::io::ErrorKind::AlreadyExists => is_there(output),
        _ => about(output, &e),
    })?;
    file.write_all(text.as_bytes()).map_err(|e| about(output, &e))
}

/// The report: the file that was written, the values that are left to say, and the next command.
fn report(output: &Path, draft: &Draft) -> String {
    let known = Known {
        promises: &[],
        stories: &[],
    };
    let left = match load(output, known) {
        Ok(description) => description.warnings.lines(),
        Err(problems) => problems.lines(),
    };
    let names = |names: &[String]| match names {
        [] => "none".to_owned(),
        names => names.join(", "),
    };
    let file = output.display();
    let mut lines = vec![format!(
        "{file} is written: pods {}; parts {}",
        names(&draft.pods),
        names(&draft.parts)
    )];
    if !left.is_empty() {
        lines.push(format!("\n{} left to say:", of(left.len(), "thing")));
        lines.extend(left.iter().map(|line| format!("  {line}")));
    }
    lines.push("\nLook at each `guess` in it. Next:".to_owned());
    lines.push(format!(
        "  cargo crosspod check --system {file}    # plays one turn, shows how every request, frame and row was read"
    ));
    lines.join("\n")
}

fn of(count: usize, thing: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {thing}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_taken_from_the_folder_of_the_description() {
        let place = tempfile::tempdir().expect("a folder");
        let (app, out) = (place.path().join("app"), place.path().join("out/deep"));
        fs::create_dir_all(&app).expect("a folder");
        fs::create_dir_all(&out).expect("a folder");
        let file = app.join("compose.yml");
        fs::write(&file, "").expect("a file");
        assert_eq!(relative(&app, &file).as_deref(), Ok("compose.yml"));
        assert_eq!(relative(place.path(), &file).as_deref(), Ok("app/compose.yml"));
        assert_eq!(relative(&out, &file).as_deref(), Ok("../../app/compose.yml"));
        let missing = relative(&app, &app.join("no.yml")).expect_err("it is not there");
        assert!(missing.contains("no.yml: No such file"), "{missing}");
        assert_eq!(
            (folder(Path::new("a.yml")), folder(Path::new("b/a.yml"))),
            (Path::new("."), Path::new("b"))
        );
    }

    #[test]
    fn a_file_that_is_there_stays_unless_it_is_forced() {
        let place = tempfile::tempdir().expect("a folder");
        let output = place.path().join(NAME);
        write(&output, "one", false).expect("it is new");
        let refused = write(&output, "two", false).expect_err("it is there");
        assert!(
            refused.ends_with("system.toml is there already; --force writes over it, --output FILE writes elsewhere")
        );
        assert_eq!(fs::read_to_string(&output).expect("a file"), "one");
        write(&output, "two", true).expect("it is forced");
        assert_eq!(fs::read_to_string(&output).expect("a file"), "two");
    }

    #[test]
    fn the_report_names_what_is_left_to_say() {
        let place = tempfile::tempdir().expect("a folder");
        let output = place.path().join(NAME);
        fs::write(&output, "schema = 1\nname = '?'\n").expect("a file");
        let draft = Draft {
            text: String::new(),
            pods: vec!["chat".to_owned()],
            parts: Vec::new(),
        };
        let report = report(&output, &draft);
        assert!(report.contains("is written: pods chat; parts none\n\n"), "{report}");
        assert!(
            report.contains("system.toml:2:8 name: crosspod init left this open: text;"),
            "{report}"
        );
        assert!(report.contains("\n  cargo crosspod check --system "), "{report}");
    }
}
