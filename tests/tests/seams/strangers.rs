//! Whoever has no right in an account changes nothing of what its members can do, sign in as, or see, whatever is called
//! in whatever order.
//!
//! The account goes on with its own work meanwhile: it asks a guest in, its connector repeats what it has said, and the
//! guest follows whatever links come to the guest's mailbox. So what strangers prepare with an address that nobody has
//! proved yet, and what they wait for, is tried too.

mod calls;
mod world;

use std::env;

use accord_tests::{Accord, Dice, Options};

use world::World;

/// How many calls a sequence has.
const CALLS: usize = 30;

/// `ACCORD_SEQUENCES` says how many sequences, ten by default; `ACCORD_DICE` repeats a run.
#[tokio::test]
async fn strangers_change_nothing_of_what_the_members_of_an_account_can_do_sign_in_as_or_see() {
    let number = |name: &str| env::var(name).ok().and_then(|value| value.parse::<usize>().ok());
    let unlimited = Options::default().variable("signup_limit", &0).variable("failed_sign_in_limit", &1_000_000);
    let mut world = World::make(Accord::start_with(unlimited).await).await;
    let before = world.seen("before").await;
    let mut dice = Dice::thrown();
    let begins = dice.begins();
    let mut done = [0_usize; 2];
    for sequence in 0..number("ACCORD_SEQUENCES").unwrap_or(10) {
        let when = format!("ACCORD_DICE={begins}, sequence {sequence}");
        world.begin(sequence).await;
        for step in 0..CALLS {
            let answer = calls::call(&mut world, &mut dice, sequence * CALLS + step, &when).await;
            done[usize::from(answer.status < 300)] += 1;
        }
        world.end(&mut dice, &when).await;
        assert_eq!(world.seen(&when).await, before, "{when}");
        assert_eq!(world.accord.store().contradictions(), [""; 0], "{when}");
    }
    println!("ACCORD_DICE={begins}: {} calls refused, {} done", done[0], done[1]);
    assert!(done[1] > done[0] / 10, "the calls are such as are done, too: {done:?}");
}
