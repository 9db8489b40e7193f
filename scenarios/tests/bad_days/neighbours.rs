//! Things of others on the same engine that a removal could take for its own: some have our labels, but another live run's,
//! and some have all but our labels. They are real and at work, so that a touch shows: by id, state, and time of start.

use std::fs::File;
use std::path::Path;

use crate::home::docker;

/// What tells whether a thing has been touched.
const TRACES: [(&str, &str); 3] = [
    (
        "container",
        "{{.Id}} {{.State.Status}} {{.State.StartedAt}} {{.State.FinishedAt}} {{.State.Pid}} {{.Config.Labels}}",
    ),
    ("network", "{{.Id}} {{.Created}} {{.Labels}} {{len .Containers}}"),
    ("volume", "{{.Name}} {{.CreatedAt}} {{.Labels}}"),
];

/// One of the others: what its things are called, and what they carry.
struct Neighbour {
    name: String,
    labels: Vec<String>,
}

/// All of them, for as long as this value is. Dropped, it removes by id what it has made.
pub(crate) struct Neighbours {
    image: String,
    unique: String,
    /// Kind, id, and what it looked like when it had been made.
    things: Vec<(&'static str, String, String)>,
    /// Projects of ours that are alive.
    alive: Vec<String>,
    /// Held for its lock alone.
    _lock: File,
    lock: String,
}

impl Neighbours {
    /// Moves them in. `folder` is the test's, and outside of its cache.
    pub(crate) fn move_in(folder: &Path) -> Self {
        let ours = [
            "image",
            "ls",
            "--filter",
            "label=dev.crosspod.image=mock-ai",
            "--format",
            "{{.ID}}",
        ];
        let path = folder.join("neighbours.lock");
        let lock = File::create(&path).expect("a lock");
        lock.lock().expect("nobody else's");
        let unique = folder.file_name().expect("a name").to_string_lossy();
        let mut all = Self {
            image: docker(&ours).lines().next().expect("images are there").to_owned(),
            unique: unique.replace('.', "").to_lowercase(),
            things: Vec::new(),
            alive: Vec::new(),
            _lock: lock,
            lock: path.display().to_string(),
        };
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        all.stranger();
        all.run_of("here", &host, false);
        all.run_of("kept", &host, true);
        all.run_of("elsewhere", "another-host", false);
        all
    }

    /// One that carries no label of ours: a name like ours, and Compose's own labels, as a project of a person's may.
    fn stranger(&mut self) {
        let name = format!("crosspod-r{}-0", self.unique);
        let labels = vec![
            format!("com.docker.compose.project={name}"),
            "com.docker.compose.service=pod-1".to_owned(),
            format!("dev.crosspod.lookalike.run=r{}", self.unique),
        ];
        self.bring_up(&Neighbour { name, labels });
    }

    /// A run of ours that is not this test's, whose lock `down` cannot see: it lies in another folder, or on another machine.
    fn run_of(&mut self, who: &str, host: &str, is_kept: bool) {
        let lock = if who == "elsewhere" {
            "/no/such/file.lock".to_owned()
        } else {
            self.lock.clone()
        };
        let run = format!("r{}{who}", self.unique);
        let project = format!("crosspod-{run}-0");
        self.alive.push(project.clone());
        self.labelled(&run, &project, host, &lock, is_kept);
    }

    /// One whose project's name begins as a given one does; of a run that is alive.
    pub(crate) fn lookalike_of(&mut self, project: &str) {
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let run = project
            .trim_start_matches("crosspod-")
            .trim_end_matches("-0")
            .to_owned();
        let lock = self.lock.clone();
        self.alive.push(format!("{project}1"));
        self.labelled(&format!("{run}1"), &format!("{project}1"), &host, &lock, false);
    }

    fn labelled(&mut self, run: &str, project: &str, host: &str, lock: &str, is_kept: bool) {
        let own = [
            ("run", run),
            ("project", project),
            ("slot", "0"),
            ("host", host),
            ("lock", lock),
            ("kept", if is_kept { "true" } else { "false" }),
        ];
        self.bring_up(&Neighbour {
            name: project.to_owned(),
            labels: own.map(|(name, value)| format!("dev.crosspod.{name}={value}")).to_vec(),
        });
    }

    /// A network, a volume, and on them a container that runs and one that has been paused.
    fn bring_up(&mut self, neighbour: &Neighbour) {
        let Neighbour { name, labels } = neighbour;
        let labels: Vec<&str> = labels.iter().flat_map(|label| ["--label", label]).collect();
        let make = |before: &[&str], after: &[&str]| {
            let made = docker(&[before, &labels, after].concat());
            made.trim().to_owned()
        };
        let network = make(&["network", "create"], &[&format!("{name}_default")]);
        self.things.push(("network", network.clone(), String::new()));
        let volume = make(&["volume", "create"], &[&format!("{name}_nats")]);
        self.things.push(("volume", volume.clone(), String::new()));
        let mount = format!("{volume}:/data");
        let on = ["--network", &network, "--volume", &mount, "--name"];
        for (part, is_paused) in [("pod-1", false), ("pod-2", true)] {
            let name = format!("{name}_{part}_1");
            let container = make(&["run", "--detach"], &[&on[..], &[&name, &self.image]].concat());
            self.things.push(("container", container.clone(), String::new()));
            if is_paused {
                docker(&["pause", &container]);
            }
        }
        for (kind, id, looks) in &mut self.things {
            *looks = look(kind, id);
        }
    }

    /// Asserts that each is as it was.
    pub(crate) fn are_untouched(&self) {
        for (kind, id, looked) in &self.things {
            assert_eq!(&look(kind, id), looked, "{kind} {id} has been touched");
        }
    }

    /// Projects of ours among them.
    pub(crate) fn alive(&self) -> &[String] {
        &self.alive
    }
}

impl Drop for Neighbours {
    fn drop(&mut self) {
        // In the order in which they hold on to each other.
        for (kind, how) in [
            ("container", &["rm", "--force"][..]),
            ("network", &["rm"]),
            ("volume", &["rm"]),
        ] {
            let ids = self.things.iter().filter(|(of, _, _)| *of == kind).map(|(_, id, _)| id);
            // What is gone has failed the test already.
            let _ = std::process::Command::new("docker")
                .arg(kind)
                .args(how)
                .args(ids)
                .output();
        }
    }
}

fn look(kind: &str, id: &str) -> String {
    let format = TRACES
        .iter()
        .find(|(of, _)| *of == kind)
        .expect("a kind that is made here")
        .1;
    docker(&[kind, "inspect", "--format", format, id])
}
