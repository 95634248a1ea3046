//! Members that come and go while events flow and connections break: each stay is heard whole, and nothing else.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Audit, Crowd, Ledger, Note, Outcome, Pace, Publishers, Record, Return, Scale, Swarm, To, at_home};
use crate::Setup;

pub(super) async fn members_come_and_go(scale: Scale) -> Outcome {
    let time = scale.pick(Duration::from_secs(3), Duration::from_secs(30));
    let server = at_home(Setup::new()).start().await;
    let crowd = Crowd::settle(&server, scale.pick(10, 30), 1).await;
    let swarm = Swarm::connect(&server, &crowd, Return::After(Duration::from_millis(10)));
    swarm.until_live(crowd.users.len(), "the clients").await;
    let ledger = Arc::<Ledger>::default();
    let publishers =
        Publishers::start(&server, &crowd, &ledger, Pace { pause: Duration::from_millis(2), ..Pace::default() });
    let (operator, start) = (server.operator(), Instant::now());
    let (mut turn, mut moves, mut cuts) = (0_usize, 0_u32, 0_u32);
    // The first one owns the guild, stays, and is the witness of who is a member when.
    let others = crowd.users.len() - 1;
    while start.elapsed() < time {
        let path = format!("/guilds/{}/members/{}", crowd.guilds[0], crowd.users[1 + turn % others].id);
        // Each leaves and comes back three turns of the round later.
        operator.delete(&path).await.expect(204);
        swarm.cut((1..=others).filter(|other| (other + turn) % 4 == 0).collect());
        tokio::time::sleep(Duration::from_millis(5)).await;
        let answer = operator.put(&path).await;
        assert!((200..300).contains(&answer.status), "{}", answer.text);
        swarm.cut(vec![1 + turn % others]);
        (turn, moves, cuts) = (turn + 1, moves + 2, cuts + others as u32 / 4 + 1);
    }
    publishers.stop().await;
    swarm.until_live(crowd.users.len(), "everyone to be back").await;
    swarm.settle(&server).await;
    let tried =
        format!("{} clients, {moves} joins and leaves, {cuts} connections cut at any moment", crowd.users.len());
    let (mut outcome, records) = Outcome::of(tried, cuts, swarm, &crowd, &ledger);
    outcome.audit = audit(&records, &crowd, &ledger);
    outcome
}

/// As the ledger's own, but for a guild that is heard by those who were members when it was spoken to.
fn audit(records: &[Record], crowd: &Crowd, ledger: &Ledger) -> Audit {
    let places = ledger.places();
    let mut audit = Audit { acknowledged: places.len() as u64, ..Audit::default() };
    for (reader, record) in records.iter().enumerate() {
        let since = record.since.expect("everyone arrived");
        let changes = changes_of(&records[0], crowd.users[reader].id);
        let mut seen = record.seen.clone();
        seen.sort_unstable();
        seen.dedup();
        audit.duplicated += (record.seen.len() - seen.len()) as u64;
        for (number, to, s) in places.iter().filter(|(_, _, s)| *s > since) {
            let is_for = match to {
                To::Everyone => true,
                To::Reader(one) => *one == reader,
                To::Guild(_) => changes.iter().rev().find(|(at, _)| at < s).is_none_or(|(_, is_member)| *is_member),
            };
            let has_it = seen.binary_search(number).is_ok();
            audit.due += u64::from(is_for);
            audit.lost += u64::from(is_for && !has_it);
            audit.strange += u64::from(!is_for && has_it);
        }
    }
    audit
}

/// From which places on a user was a member, or was none, as the witness heard it.
fn changes_of(witness: &Record, user: u64) -> Vec<(u64, bool)> {
    let change = |note: &Note| match *note {
        Note::Added { user: one, s } if one == user => Some((s, true)),
        Note::Removed { user: one, s } if one == user => Some((s, false)),
        _ => None,
    };
    witness.notes.iter().filter_map(change).collect()
}
