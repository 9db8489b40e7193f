//! Images that runs have built of compose files: `down` takes those that nobody uses.

use std::process::{Command, Stdio};

use crate::home::{Home, docker};

/// An empty image of a run, and a container of it if it is in use. Dropped, it takes along what `down` has left.
struct Built {
    tag: String,
    container: Option<String>,
}

impl Built {
    fn new(home: &Home, service: &str, is_used: bool) -> Self {
        // Names of other tests' images differ in the folder's own name.
        let own = home
            .path()
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .to_lowercase();
        let tag = format!("crosspod-built:{service}-{}", own.trim_matches('.'));
        let import = Command::new("docker")
            .args(["import", "-", &tag])
            .stdin(Stdio::null())
            .output();
        let import = import.expect("the docker command is there");
        assert!(import.status.success(), "{}", String::from_utf8_lossy(&import.stderr));
        let container = is_used.then(|| docker(&["create", &tag, "never-started"]).trim().to_owned());
        Self { tag, container }
    }

    fn is_there(&self) -> bool {
        !docker(&["images", "--quiet", &self.tag]).trim().is_empty()
    }
}

impl Drop for Built {
    fn drop(&mut self) {
        let remove = |args: &[&str]| drop(Command::new("docker").args(args).output());
        if let Some(container) = &self.container {
            remove(&["rm", "--force", container]);
        }
        remove(&["rmi", &self.tag]);
    }
}

#[test]
fn an_image_that_a_run_has_built_goes_with_down_unless_a_container_uses_it() {
    let home = Home::on_the_engine();
    let (used, unused) = (Built::new(&home, "used", true), Built::new(&home, "unused", false));
    let down = home.run(&["down"]);
    assert_eq!(down.code(), Some(0), "{}", down.all());
    assert!(
        down.stdout.contains(&format!("removed image {}", unused.tag)),
        "{}",
        down.all()
    );
    assert!(!unused.is_there() && used.is_there(), "{}", down.all());
}
