use super::*;

impl Scene {
    /// What a child finds that was forked while its parent had workers, and something to look at.
    fn fork(&self) {
        let mut state = self.outbox.shared.lock();
        state.home.be_elsewhere();
        state.gathering.is_to_be_looked_at_in(SHORT);
        (0..7).for_each(|_| state.crew.add());
    }
}

#[test]
fn a_child_that_only_gathers_has_a_worker_of_its_own() {
    let scene = scene(10, 1);
    scene.answer(accepted());
    scene.fork();
    scene.outbox.caller()(Duration::from_millis(2));
    assert_eq!(scene.threads(), 1);
    scene.gather("of the child");
    assert_eq!(scene.next(), "of the child");
}

#[test]
fn what_was_gathered_before_is_its_parents() {
    let scene = scene(10, 1);
    scene.gather("of the parent");
    scene.losses.record(DiscardReason::BeforeSend, Category::Error, 1);
    scene.fork();
    assert!(scene.outbox.close(LONG));
    assert_eq!((scene.arrived().len(), scene.lost().len()), (0, 0));
}
