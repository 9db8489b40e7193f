//! A system under test as it is played.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::choice::{Choice, Unfit};
use super::file;
use super::judging::{Defect, Expected};
use super::load::open::{Known, load, load_unfinished};
use super::load::reference;
use super::load::{Described, Description};
use super::needs::{DriverPowers, Need, Played, Power, Why, available};
use super::stored::Tables;
use super::table::Problems;
use super::talk::attach::form_of;
use crate::history::{self, Bound, Capability, CursorForm, ExpectedFailure, Lack};
use crate::system::load::workspace::workspace_root;

/// Powers of the one driver, which runs containers of an engine on this machine.
const DOCKER: [Power; 7] = [
    Power::Freeze,
    Power::ProofOfDeath,
    Power::Limits,
    Power::Descriptors,
    Power::Volumes,
    Power::Replace,
    Power::CpuStats,
];
/// Longest wait for something that the system promises no bound for.
const UNBOUNDED: Duration = Duration::from_secs(20);

/// A system under test as it is played: its description in one design, with one profile.
#[derive(Debug, Clone)]
pub struct System {
    /// The choice that was made, for commands that play it again.
    pub choice: Choice,
    /// Folder from which its description takes paths.
    pub folder: PathBuf,
    /// Its description, as the design has it.
    pub description: file::System,
    /// The design, if it has any.
    pub design: Option<String>,
    /// Every design.
    pub designs: Vec<String>,
    /// The profile, if it has any.
    pub profile: Option<String>,
    /// Powers of the driver that runs it.
    pub powers: DriverPowers,
    /// Time that the compose file lets a pod stop in, once that is known.
    pub grace: Option<Duration>,
    capabilities: Vec<Capability>,
    lacks: Vec<Lack>,
}

impl System {
    /// The reference pod in its default design.
    pub fn reference() -> Self {
        let (place, described) = (workspace_root().join(reference::PLACE), reference::described());
        Self::of(&Choice::default(), &place, &described).expect("a description has a first design")
    }

    /// Reads the description of a choice. Beside the system come lines about what is odd in the description.
    ///
    /// # Errors
    /// The description has mistakes, or no such design or profile.
    pub fn open(choice: &Choice, known: Known<'_>) -> Result<(Self, Vec<String>), Unfit> {
        let (system, _, warnings) = Self::read(choice, |file| load(file, known))?;
        Ok((system, warnings))
    }

    /// Reads the description of a choice as far as it is said: open values are left out. Beside the system come the description, which
    /// knows them and the place of each value, and lines about what is odd.
    ///
    /// # Errors
    /// The description has other mistakes, no such design or profile, or says too little to start anything.
    pub fn open_unfinished(choice: &Choice, known: Known<'_>) -> Result<(Self, Described, Vec<String>), Unfit> {
        Self::read(choice, |file| load_unfinished(file, known))
    }

    fn read(
        choice: &Choice,
        load: impl Fn(&Path) -> Result<Description, Problems>,
    ) -> Result<(Self, Described, Vec<String>), Unfit> {
        let (place, description) = match &choice.file {
            Some(file) => (file.clone(), load(file).map_err(Unfit::Mistakes)?),
            None => (workspace_root().join(reference::PLACE), reference::described()),
        };
        let warnings = description.warnings.lines();
        let system = Self::of(choice, &place, &description)?;
        let described = description.design(system.design.as_deref());
        let described = described.expect("the system is of one of its designs").clone();
        Ok((system, described, warnings))
    }

    /// The system of a description that was read from `place`.
    ///
    /// # Errors
    /// The description has no such design or profile.
    pub(crate) fn of(choice: &Choice, place: &Path, description: &Description) -> Result<Self, Unfit> {
        let names = description
            .designs
            .iter()
            .filter_map(|described| described.design.clone());
        let designs: Vec<String> = names.collect();
        let described = description.design(choice.design.as_deref());
        let described = described.ok_or_else(|| Unfit::none("design", choice.design.as_deref(), &designs))?;
        let mut system = described.system.clone();
        system
            .defects
            .retain(|defect| defect.is_of(described.design.as_deref()));
        let profiles: Vec<String> = system.profiles.iter().map(|(name, _)| name.to_owned()).collect();
        let profile = match &choice.profile {
            None => profiles.first().cloned(),
            Some(name) if profiles.contains(name) => Some(name.clone()),
            other => return Err(Unfit::none("profile", other.as_deref(), &profiles)),
        };
        // The kernel lets nobody set the limits of another user's process; a pod without crosspod's interface keeps its own user.
        let may_limit = |power: &Power| *power != Power::Descriptors || system.pods.admin.is_some();
        let powers = DOCKER.into_iter().filter(may_limit).collect();
        let (capabilities, lacks) = system.capabilities();
        Ok(Self {
            choice: Choice {
                design: described.design.clone(),
                ..choice.clone()
            },
            folder: place.parent().unwrap_or(Path::new(".")).to_owned(),
            design: described.design.clone(),
            description: system,
            designs,
            profile,
            powers: DriverPowers(powers),
            grace: None,
            capabilities,
            lacks,
        })
    }

    /// The rules that promises go by, with the profile's timings of the edge.
    pub fn rules(&self) -> history::Rules {
        let mut rules = self.description.rules();
        let timings = self.played().profile.and_then(|profile| profile.edge.as_ref());
        if let (Some(edge), Some(timings)) = (&mut rules.edge, timings) {
            timings.lay_over(edge);
        }
        rules
    }

    /// The same system by another text of its description.
    ///
    /// # Errors
    /// The description has no such design or profile.
    pub(crate) fn described_anew(&self, description: &Description) -> Result<Self, Unfit> {
        let place = self.folder.join("system.toml");
        let system = Self::of(&self.choice, &place, description)?;
        Ok(Self {
            grace: self.grace,
            ..system
        })
    }

    /// Its name in reports.
    pub fn name(&self) -> &str {
        &self.description.name
    }

    /// The design's name in reports; empty if it has none.
    pub fn design_name(&self) -> &str {
        self.design.as_deref().unwrap_or_default()
    }

    /// The system, its profile and the driver's powers, against which needs are held.
    pub fn played(&self) -> Played<'_> {
        Played {
            system: &self.description,
            profile: self.description.profile(self.profile.as_deref()),
            powers: &self.powers,
        }
    }

    /// Decides whether it has all of what is needed.
    ///
    /// # Errors
    /// The first need that is not met.
    pub fn available(&self, needs: &[Need]) -> Result<(), Why> {
        available(needs, self.played())
    }

    /// The bounds that it is judged by.
    pub fn bounds(&self) -> history::Bounds {
        self.played().bounds(self.grace)
    }

    /// How long to wait for something that it promises within a bound. Without the bound, a time that is long for anything.
    pub fn within(&self, bound: Bound) -> Duration {
        self.bounds().of(bound).map_or(UNBOUNDED, Duration::from_millis)
    }

    /// The capabilities by which it can be judged.
    pub fn capabilities(&self) -> &[Capability] {
        &self.capabilities
    }

    /// True if it can be judged by this.
    pub fn has(&self, capability: Capability) -> bool {
        self.capabilities.contains(&capability)
    }

    /// The capabilities that it lacks, with the reasons.
    pub fn lacks(&self) -> &[Lack] {
        &self.lacks
    }

    /// Its tables, with what their words mean.
    pub fn tables(&self) -> Tables {
        self.description.tables()
    }

    /// Defects that its pods can be started with.
    pub fn defects(&self) -> &[Defect] {
        &self.description.defects
    }

    /// The promises that it is known to break in a story.
    pub fn expected_failures(&self, story: &str) -> Vec<ExpectedFailure> {
        let expected = self.description.expected.iter();
        let of_story = expected.filter(|known| known.may_show_in(story));
        let one = |known: &Expected, promise: &String| ExpectedFailure {
            promise: promise.clone(),
            finding: known.finding.as_ref().map(ToString::to_string),
            sometimes: known.sometimes,
            why: known.why.clone(),
        };
        of_story
            .flat_map(|known| known.promises.iter().map(move |promise| one(known, promise)))
            .collect()
    }

    /// The form that a cursor is sent in: the one that is wanted where the system takes it, else one that it takes.
    pub fn cursor_form(&self, wanted: CursorForm) -> CursorForm {
        let attach = self.description.calls.attach.iter();
        let mut forms = attach.flat_map(|attach| &attach.resume).map(form_of);
        let first = forms.clone().next().unwrap_or_default();
        if forms.any(|form| form == wanted) {
            wanted
        } else {
            first
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_pod_is_described() {
        let system = System::reference();
        assert_eq!((system.name(), system.design_name()), ("reference", "log"));
        assert_eq!(system.designs, ["log", "sticky"]);
        assert_eq!(system.within(Bound::Takeover), Duration::from_millis(1000 + 100 + 1000));
        assert_eq!(system.within(Bound::Turn), UNBOUNDED, "it promises none");
        assert!(system.has(Capability::StreamLog));
        assert_eq!(system.expected_failures("cluster_smoke"), []);
    }

    #[test]
    fn a_cursor_is_sent_in_a_form_that_the_system_takes() {
        use CursorForm::{After, AfterBesideEmptyHeader, LastEventId};
        let mut system = System::reference();
        assert_eq!(system.cursor_form(AfterBesideEmptyHeader), AfterBesideEmptyHeader);
        let resume = |system: &mut System, kept: fn(&CursorForm) -> bool| {
            let attach = system.description.calls.attach.as_mut().expect("it can be attached to");
            attach.resume.retain(|patch| kept(&form_of(patch)));
        };
        resume(&mut system, |form| *form == After);
        assert_eq!(system.cursor_form(LastEventId), After);
        resume(&mut system, |_| false);
        assert_eq!(system.cursor_form(After), LastEventId);
    }
}
