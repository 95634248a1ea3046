//! Who is seen how, and when.

use proptest::prelude::*;

use super::*;
use crate::audience::{Audience, Slot, Subscriptions};
use crate::entry::Draft;
use crate::event::Seq;
use crate::time::UnixMillis;

const GATHER: u64 = 250;
const GRACE: u64 = 15_000;
const ANN: u64 = 1;

fn id(number: u64) -> Id {
    Id::new(number).unwrap()
}

fn kind(number: u8) -> Presence {
    Presence::of(number.try_into().unwrap())
}

struct Harness {
    presences: Presences,
    now: u64,
}

impl Harness {
    fn new() -> Self {
        Self { presences: Presences::new(PresenceTimes::default()), now: 0 }
    }

    fn at(&self) -> Moment {
        Moment::from_millis(self.now)
    }

    fn connect(&mut self, user: u64, device: u64) {
        self.presences.handle_connected(self.at(), id(user), Device(device), None);
    }

    fn disconnect(&mut self, user: u64, device: u64) {
        self.presences.handle_disconnected(self.at(), id(user), Device(device));
    }

    fn choose(&mut self, user: u64, device: u64, number: u8) {
        self.presences.handle_chosen(self.at(), id(user), Device(device), kind(number));
    }

    /// Lets `millis` go by, waking the machine when it wants; what was published, as user and kind.
    fn wait(&mut self, millis: u64) -> Vec<Vec<(u64, u8)>> {
        let end = self.now + millis;
        let mut batches = Vec::new();
        while let Some(deadline) = self.presences.deadline().filter(|at| at.as_millis() <= end) {
            self.now = self.now.max(deadline.as_millis());
            self.presences.handle_timeout(deadline);
            while let Some(output) = self.presences.poll_output() {
                if let PresenceOutput::Publish(batch) = output {
                    batches.push(batch.into_iter().map(|update| (update.id.as_u64(), update.d.kind.into())).collect());
                }
            }
        }
        self.now = end;
        batches
    }
}

#[test]
fn the_first_connection_shows_the_user_as_chosen_last() {
    let mut harness = Harness::new();
    harness.presences.handle_connected(harness.at(), id(ANN), Device(1), Some(kind(3)));
    harness.connect(2, 2);
    assert_eq!(harness.wait(GATHER), [[(ANN, 3), (2, 1)]]);
    harness.connect(ANN, 3);
    assert!(harness.wait(GATHER).is_empty(), "a second device changes nothing");
}

#[test]
fn changes_are_gathered_and_the_last_of_each_user_is_kept() {
    let mut harness = Harness::new();
    harness.connect(ANN, 1);
    harness.choose(ANN, 1, 2);
    assert!(harness.wait(GATHER - 1).is_empty());
    harness.choose(ANN, 1, 3);
    assert_eq!(harness.wait(1), [[(ANN, 3)]]);
    harness.choose(ANN, 1, 1);
    harness.choose(ANN, 1, 3);
    assert!(harness.wait(GATHER).is_empty(), "there and back is no change");
}

#[test]
fn the_most_present_visible_device_wins() {
    let mut harness = Harness::new();
    for device in 1..=4 {
        harness.connect(ANN, device);
    }
    harness.wait(GATHER);
    for (device, number, seen) in [(1, 2, None), (2, 3, Some(3)), (3, 4, None), (2, 4, Some(1)), (4, 4, Some(2))] {
        harness.choose(ANN, device, number);
        let expected: Vec<Vec<_>> = seen.map(|seen| vec![(ANN, seen)]).into_iter().collect();
        assert_eq!(harness.wait(GATHER), expected, "device {device} chose {number}");
    }
    harness.disconnect(ANN, 1);
    assert_eq!(harness.wait(GATHER), [[(ANN, 4)]], "only invisible ones are left");
}

#[test]
fn of_equal_devices_the_one_that_chose_later_wins() {
    let mut harness = Harness::new();
    let says = |text: &str| Presence { description: Some(text.into()), ..kind(1) };
    for device in [1, 2] {
        harness.connect(ANN, device);
    }
    harness.presences.handle_chosen(harness.at(), id(ANN), Device(2), says("later"));
    harness.presences.handle_chosen(harness.at(), id(ANN), Device(1), says("last"));
    harness.presences.handle_timeout(Moment::from_millis(GATHER));
    let batch = vec![PresenceUpdate { id: id(ANN), d: says("last") }];
    assert_eq!(harness.presences.poll_output(), Some(PresenceOutput::Remember(batch.clone())));
    assert_eq!(harness.presences.poll_output(), Some(PresenceOutput::Publish(batch)));
}

#[test]
fn a_short_absence_is_not_seen() {
    let mut harness = Harness::new();
    harness.connect(ANN, 1);
    harness.wait(GATHER);
    harness.disconnect(ANN, 1);
    assert!(harness.wait(GRACE - 1).is_empty());
    harness.connect(ANN, 2);
    assert!(harness.wait(2 * GRACE).is_empty());
    harness.disconnect(ANN, 2);
    assert!(harness.wait(GRACE).is_empty());
    assert_eq!(harness.wait(GATHER), [[(ANN, 4)]]);
    assert!(harness.presences.users.is_empty() && harness.presences.deadline().is_none());
}

#[test]
fn a_user_who_never_was_seen_does_not_go_offline() {
    let mut harness = Harness::new();
    harness.connect(ANN, 1);
    harness.disconnect(ANN, 1);
    assert!(harness.wait(2 * GRACE).is_empty());
    harness.presences.handle_connected(harness.at(), id(ANN), Device(2), Some(kind(4)));
    harness.wait(GATHER);
    harness.disconnect(ANN, 2);
    assert!(harness.wait(2 * GRACE).is_empty(), "invisible all the time");
    assert!(harness.presences.users.is_empty());
}

#[test]
fn leftovers_of_a_crash_go_offline_in_one_batch() {
    let mut harness = Harness::new();
    harness.presences.handle_leftovers(harness.at(), (1..=5).map(id));
    harness.connect(3, 30);
    assert_eq!(harness.wait(GRACE), [[(3, 1)]], "who comes back is published, since nobody knows what others saw");
    assert_eq!(harness.wait(GATHER), [[(1, 4), (2, 4), (4, 4), (5, 4)]]);
}

#[test]
fn what_was_forgotten_is_shown_anew() {
    let mut harness = Harness::new();
    harness.connect(ANN, 1);
    harness.connect(2, 2);
    assert_eq!(harness.wait(GATHER), [[(ANN, 1), (2, 1)]]);
    harness.disconnect(2, 2);
    harness.presences.handle_forgotten(harness.at());
    // Who is away is within the grace, and goes offline when that is over.
    assert_eq!(harness.wait(GATHER), [[(ANN, 1)]]);
    assert_eq!(harness.wait(GRACE), [[(2, 4)]]);
    assert_eq!(harness.wait(GRACE), Vec::<Vec<(u64, u8)>>::new());
}

#[test]
fn what_could_not_be_published_is_tried_again() {
    let mut harness = Harness::new();
    harness.connect(ANN, 1);
    harness.wait(GATHER);
    let failed = [PresenceUpdate { id: id(ANN), d: kind(1) }, PresenceUpdate { id: id(9), d: kind(4) }];
    harness.presences.handle_unpublished(harness.at(), &failed);
    assert_eq!(harness.wait(GATHER), [[(ANN, 1), (9, 4)]]);
}

#[test]
fn a_choice_for_all_devices_is_remembered_for_the_next() {
    let mut harness = Harness::new();
    harness.connect(ANN, 1);
    harness.connect(ANN, 2);
    harness.choose(ANN, 2, 3);
    harness.presences.handle_chosen_for_all(harness.at(), id(ANN), kind(2));
    harness.connect(ANN, 3);
    assert_eq!(harness.wait(GATHER), [[(ANN, 2)]]);
    harness.presences.handle_chosen_for_all(harness.at(), id(7), kind(2));
    harness.choose(ANN, 99, 3);
    assert!(harness.wait(GATHER).is_empty(), "users and devices that are not there");
}

#[test]
fn an_invisible_users_words_stay_private() {
    let mut harness = Harness::new();
    harness.connect(ANN, 1);
    harness.wait(GATHER);
    let hidden = Presence { description: Some("secret".into()), ..kind(4) };
    harness.presences.handle_chosen(harness.at(), id(ANN), Device(1), hidden);
    harness.presences.handle_timeout(harness.at() + Duration::from_millis(GATHER));
    harness.presences.poll_output();
    let expected = vec![PresenceUpdate { id: id(ANN), d: kind(4) }];
    assert_eq!(harness.presences.poll_output(), Some(PresenceOutput::Publish(expected)));
}

/// How many frames it costs that `users` members of one guild connect, evenly over `millis`.
fn cost_of_connecting(users: u64, millis: u64, is_told: impl Fn(PresenceKind, u64) -> bool) -> u64 {
    let guild = id(u64::from(u32::MAX));
    let mut harness = Harness::new();
    let mut subscriptions = Subscriptions::new();
    let (mut about, mut cost, mut out) = (0, 0, Vec::new());
    for user in 1..=users {
        harness.connect(user, user);
        subscriptions.subscribe(Slot(user as u32), id(user), vec![guild]);
        for (user, number) in harness.wait(user * millis / users - harness.now).into_iter().flatten() {
            about += 1;
            let guilds = if is_told(number.try_into().unwrap(), about) { vec![guild] } else { vec![] };
            let audience = Audience::UserAndGuilds { user: id(user), guilds };
            let entry = Draft { event: None, audience, change: None }.place(Seq::new(about), UnixMillis::default());
            subscriptions.meet(&entry, &mut out);
            cost += out.len() as u64;
        }
    }
    cost
}

#[test]
fn ten_thousand_who_connect_to_one_guild_do_not_tell_everyone_of_everyone() {
    let cost = cost_of_connecting(10_000, 20_000, is_told);
    let all = cost_of_connecting(1_000, 2_000, |_, _| true) * 100;
    println!("10,000 connects in a guild of 10,000: {cost} deliveries, instead of about {all}");
    assert!(cost < 1_000_000 && all > 40_000_000, "{cost} of {all}");
}

#[test]
fn a_crowd_is_told_who_goes_offline_and_nothing_else() {
    assert!(is_told(PresenceKind::Idle, CROWD) && !is_told(PresenceKind::Idle, CROWD + 1));
    assert!(is_told(PresenceKind::Offline, 10 * CROWD), "else a client would see who is long gone");
}

proptest! {
    /// Whatever happens: published changes alternate, nothing is kept of who is gone, and every deadline is met.
    #[test]
    fn nothing_is_published_twice_and_nothing_is_left(
        ops in prop::collection::vec((0u64..3, 1u64..4, 0u64..3, 1u8..5, 0u64..9_000), 0..80)
    ) {
        let mut harness = Harness::new();
        let mut seen: HashMap<u64, u8> = HashMap::new();
        let mut take = |batches: Vec<Vec<(u64, u8)>>| {
            for (user, number) in batches.into_iter().flatten() {
                assert_ne!(seen.insert(user, number).unwrap_or(4), number);
            }
            seen.clone()
        };
        for (op, user, device, number, wait) in ops {
            let device = user * 10 + device;
            match op {
                0 => harness.connect(user, device),
                1 => harness.disconnect(user, device),
                _ => harness.choose(user, device, number),
            }
            let batches = harness.wait(wait);
            take(batches);
        }
        for user in 1..4 {
            for device in 0..3 {
                harness.disconnect(user, user * 10 + device);
            }
        }
        let batches = harness.wait(2 * GRACE);
        prop_assert!(take(batches).values().all(|number| *number == 4));
        prop_assert!(harness.presences.users.is_empty() && harness.presences.leaving.is_empty());
    }
}
