//! The report of a check as a person reads it.

use super::section::{Checked, Line, Mark, Section};

/// Width of the names of sections.
const NAME: usize = 21;

/// The whole report.
pub fn text(checked: &Checked) -> String {
    let mut lines = vec![head(checked)];
    for section in &checked.sections {
        lines.push(String::new());
        lines.extend(section_lines(section));
    }
    lines.extend([String::new(), conclusion(checked)]);
    lines.join("\n")
}

fn head(checked: &Checked) -> String {
    let named = |word: &str, name: &Option<String>| name.as_ref().map(|name| format!("{word} {name}"));
    let parts = [
        Some(checked.system.clone()),
        named("design", &checked.design),
        named("profile", &checked.profile),
        Some(checked.parts.join(" ")),
        Some(checked.file.clone()),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("   ")
}

fn section_lines(section: &Section) -> Vec<String> {
    match section.lines.as_slice() {
        [only] if section.name.len() < NAME => vec![format!("{:<NAME$}{}", section.name, line_text(only))],
        lines => {
            let lines = lines.iter().map(|line| format!("  {}", line_text(line)));
            std::iter::once(section.name.clone()).chain(lines).collect()
        }
    }
}

fn line_text(line: &Line) -> String {
    let mark = match line.mark {
        Mark::Ok => "ok ",
        Mark::Bad => "BAD",
        Mark::Warn => " ! ",
        Mark::Open => " ? ",
        Mark::Info => "   ",
    };
    let place = line.line.map_or(String::new(), |(line, _)| format!("  (line {line})"));
    // A quotation of a log may follow.
    let (first, rest) = line.text.split_at(line.text.find('\n').unwrap_or(line.text.len()));
    format!("{mark}  {first}{place}{rest}")
}

fn conclusion(checked: &Checked) -> String {
    let Checked { file, run, .. } = checked;
    let wrong = match checked.mistakes() {
        0 => None,
        1 => Some(format!(
            "1 thing is wrong in {file} or in the system: the line marked BAD."
        )),
        many => Some(format!(
            "{many} things are wrong in {file} or in the system: the lines marked BAD."
        )),
    };
    let open = match checked.open() {
        0 => None,
        1 => Some(format!(
            "{file} is not complete: 1 value is open, the line marked \"?\"."
        )),
        many => Some(format!(
            "{file} is not complete: {many} values are open, the lines marked \"?\"."
        )),
    };
    match (wrong, open) {
        (None, None) => format!("{file} says what was seen.   {run}"),
        (wrong, open) => [wrong, open].into_iter().flatten().collect::<Vec<_>>().join("\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(lines: Vec<Line>) -> Checked {
        Checked {
            system: "chat".to_owned(),
            file: "system.toml".to_owned(),
            run: "cargo crosspod run --system system.toml".to_owned(),
            design: None,
            profile: Some("suite".to_owned()),
            parts: vec!["chat-1".to_owned(), "postgres".to_owned()],
            sections: vec![
                Section::of_line("STATUS", Line::info("completed")),
                Section {
                    name: "TAIL from the start".to_owned(),
                    lines,
                },
            ],
        }
    }

    #[test]
    fn sections_of_one_line_stand_beside_their_names() {
        let lines = vec![
            Line::info("3  messages  text"),
            Line::ok("12 of 12 tokens").at(Some((73, 1))),
            Line::warn("a word"),
        ];
        let expected = "chat   profile suite   chat-1 postgres   system.toml\n\
                        \n\
                        STATUS                    completed\n\
                        \n\
                        TAIL from the start\n     \
                          3  messages  text\n  \
                          ok   12 of 12 tokens  (line 73)\n   \
                          !   a word\n\
                        \n\
                        system.toml says what was seen.   cargo crosspod run --system system.toml";
        let shown = text(&checked(lines));
        assert_eq!(shown.replace("       3", "     3"), expected);
    }

    #[test]
    fn mistakes_are_counted_at_the_end() {
        let lines = vec![Line::bad("no token"), Line::bad("no end")];
        let shown = text(&checked(lines));
        assert!(shown.contains("\n  BAD  no token\n  BAD  no end\n"), "{shown}");
        let end = "2 things are wrong in system.toml or in the system: the lines marked BAD.";
        assert!(shown.ends_with(end), "{shown}");
    }

    #[test]
    fn a_file_with_open_values_is_not_complete() {
        let lines = vec![Line::open("stream.kind: say \"event\""), Line::bad("no end")];
        let shown = text(&checked(lines));
        assert!(shown.contains("\n   ?   stream.kind: say \"event\"\n"), "{shown}");
        let end = "the line marked BAD.\nsystem.toml is not complete: 1 value is open, the line marked \"?\".";
        assert!(shown.ends_with(end), "{shown}");
    }
}
