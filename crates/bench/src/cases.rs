//! Everything that there is to measure, or a part of it.

use crate::subjects::{self, Subject};
use crate::workloads::{Mode, Workload};

/// One workload in one mode, and those who do it.
#[derive(Debug)]
pub struct Case {
    /// As `child_span/rate_0`.
    pub name: String,
    /// What is done.
    pub workload: Workload,
    /// How who does it is set up.
    pub mode: Mode,
    /// In the order of their turns.
    pub subjects: Vec<&'static dyn Subject>,
}

/// The cases whose name contains `case`, with the subjects whose name contains `subject`.
pub fn matching(case: &str, subject: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = all().filter(|it| it.name.contains(case)).collect();
    for it in &mut cases {
        it.subjects.retain(|one| one.name().contains(subject));
    }
    cases.retain(|it| !it.subjects.is_empty());
    cases
}

/// A case by its name.
pub fn named(name: &str) -> Option<Case> {
    all().find(|case| case.name == name)
}

fn all() -> impl Iterator<Item = Case> {
    let modes = |workload: Workload| workload.modes().iter().map(move |&mode| (workload, mode));
    Workload::ALL.into_iter().flat_map(modes).map(|(workload, mode)| Case {
        name: format!("{}/{}", workload.name(), mode.name()),
        workload,
        mode,
        subjects: subjects::ALL.into_iter().filter(|subject| subject.takes(workload, mode)).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_has_a_floor_a_peer_and_watchpost() {
        let cases = matching("", "");
        assert_eq!(cases.len(), 32);
        for case in cases {
            let names: Vec<_> = case.subjects.iter().map(|subject| subject.name()).collect();
            assert!(
                [subjects::FLOOR, subjects::PEER, "watchpost"].iter().all(|it| names.contains(it)),
                "{names:?}"
            );
            assert_eq!(named(&case.name).map(|it| (it.workload, it.mode)), Some((case.workload, case.mode)));
        }
    }

    #[test]
    fn a_part_of_them() {
        let [case] = &matching("child_span/rate_0", "fast")[..] else { panic!("not one case") };
        assert_eq!(case.name, "child_span/rate_0");
        assert_eq!(case.subjects.iter().map(|it| it.name()).collect::<Vec<_>>(), ["fastrace"]);
        assert!(matching("child_span/tracing_off", "fast").is_empty(), "a case that none of them takes");
    }
}
