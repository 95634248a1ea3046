//! Which places of the log concern whom: an index of what the log holds, without the events themselves.

use std::cmp::Reverse;
use std::collections::binary_heap::PeekMut;
use std::collections::{BinaryHeap, HashMap, VecDeque, vec_deque};
use std::sync::Arc;

use crate::audience::Audience;
use crate::entry::Entry;
use crate::event::Seq;
use crate::id::Id;

/// A stretch of the log in which a user was in a guild, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Membership {
    /// The guild.
    pub guild: Id,
    /// The entry with which the user joined.
    pub from: Seq,
    /// The entry with which the user left; `None` while in.
    pub to: Option<Seq>,
}

/// What a client that came back is still to get of what its user missed: a place of the log, and not a list of places, of which
/// there may be as many as the log holds. Clones are as small.
#[derive(Clone, Debug)]
pub struct Replay {
    user: Id,
    memberships: Arc<[Membership]>,
    after: Seq,
    through: Seq,
}

/// The index from which a client that comes back gets what it missed.
///
/// It takes the entries of the log in order and forgets them in order. What is never replayed (a HERE notification, an
/// entry without an event) is counted as a place and not kept. Some 8 bytes an entry and receiver of its audience.
#[derive(Debug)]
pub struct History {
    everyone: Places,
    users: HashMap<Id, Places>,
    guilds: HashMap<Id, Places>,
    /// The last place that is no longer held.
    floor: Seq,
    head: Seq,
    /// The floor at the last sweep.
    swept: Seq,
}

/// Places of several lists in their order, each once.
#[derive(Default)]
struct Merged<'a> {
    lists: Vec<vec_deque::Iter<'a, Seq>>,
    /// The next place of each list that has one.
    next: BinaryHeap<Reverse<(Seq, usize)>>,
}

/// Places in their order. Forgotten ones may still stand at the front.
#[derive(Debug, Default)]
struct Places(VecDeque<Seq>);

impl History {
    /// An empty index of a log that no longer holds `floor` and what was before, or that begins after it.
    pub fn new(floor: Seq) -> Self {
        Self {
            everyone: Places::default(),
            users: HashMap::new(),
            guilds: HashMap::new(),
            floor,
            head: floor,
            swept: floor,
        }
    }

    /// Takes the log's next entry.
    ///
    /// # Panics
    /// When the entry does not come after every one before it: the caller's bug.
    pub fn push(&mut self, entry: &Entry) {
        assert!(entry.seq > self.head, "entry {:?} after {:?}", entry.seq, self.head);
        self.head = entry.seq;
        if entry.here || entry.dispatch.is_none() {
            return;
        }
        let (seq, floor) = (entry.seq, self.floor);
        match &entry.audience {
            Audience::Nobody => {}
            Audience::Everyone => self.everyone.push(seq, floor),
            Audience::Users(users) => {
                for user in users {
                    self.users.entry(*user).or_default().push(seq, floor);
                }
            }
            Audience::Guild(guild) => self.guilds.entry(*guild).or_default().push(seq, floor),
            Audience::UserAndGuilds { user, guilds } => {
                self.users.entry(*user).or_default().push(seq, floor);
                for guild in guilds {
                    self.guilds.entry(*guild).or_default().push(seq, floor);
                }
            }
        }
    }

    /// The log no longer holds this place and what was before.
    pub fn forget_through(&mut self, seq: Seq) {
        self.floor = self.floor.max(seq.min(self.head));
        // Lists that nobody touches keep forgotten places; once as many were forgotten as are held, all are swept. So each
        // place is looked at a bounded number of times, and no more than twice what is needed is kept.
        if self.floor.as_u64() - self.swept.as_u64() > self.head.as_u64() - self.floor.as_u64() {
            self.sweep();
        }
    }

    /// The last place that was given.
    pub const fn head(&self) -> Seq {
        self.head
    }

    /// The first place that is still held, or will be given.
    pub const fn first(&self) -> Seq {
        self.floor.next()
    }

    /// How many places a replay has, without walking all of them where they concern everyone.
    ///
    /// `None` when that can't be said: the log has forgotten some of them, or never gave the place after which it begins.
    pub fn count(&self, replay: &Replay) -> Option<u64> {
        let places = self.everyone.between(replay.after.next(), replay.through).len() + self.own(replay)?.count();
        Some(places as u64)
    }

    /// The next places of a replay, at most so many: in order, each once. It goes on behind them.
    ///
    /// `None` as with [`Self::count`].
    pub fn next_page(&self, replay: &mut Replay, most: usize) -> Option<Vec<Seq>> {
        let mut places = self.own(replay)?;
        places.add(self.everyone.between(replay.after.next(), replay.through));
        let page: Vec<Seq> = places.take(most).collect();
        replay.after = page.last().copied().filter(|_| page.len() == most).unwrap_or(replay.through);
        Some(page)
    }

    /// The places that concern the user of a replay, but for those that concern everyone.
    fn own(&self, replay: &Replay) -> Option<Merged<'_>> {
        let Replay { user, memberships, after, through } = replay;
        if *after < self.floor || *after > self.head {
            return None;
        }
        let mut places = Merged::default();
        if let Some(own) = self.users.get(user) {
            places.add(own.between(after.next(), *through));
        }
        for Membership { guild, from, to } in memberships.iter() {
            if let Some(of_guild) = self.guilds.get(guild) {
                let to = to.map_or(*through, |to| to.min(*through));
                places.add(of_guild.between(after.next().max(*from), to));
            }
        }
        Some(places)
    }

    fn sweep(&mut self) {
        let floor = self.floor;
        self.swept = floor;
        let lives = |_: &Id, places: &mut Places| {
            places.forget_through(floor);
            if places.0.capacity() > 4 * places.0.len() {
                places.0.shrink_to_fit();
            }
            !places.0.is_empty()
        };
        self.everyone.forget_through(floor);
        self.users.retain(lives);
        self.guilds.retain(lives);
    }
}

impl Places {
    fn push(&mut self, seq: Seq, floor: Seq) {
        self.forget_through(floor);
        // An audience may name a user twice.
        if self.0.back() != Some(&seq) {
            self.0.push_back(seq);
        }
    }

    fn forget_through(&mut self, floor: Seq) {
        while self.0.front().is_some_and(|first| *first <= floor) {
            self.0.pop_front();
        }
    }

    /// The places from `from` to `to`, both included.
    fn between(&self, from: Seq, to: Seq) -> vec_deque::Iter<'_, Seq> {
        let start = self.0.partition_point(|seq| *seq < from);
        let end = self.0.partition_point(|seq| *seq <= to).max(start);
        self.0.range(start..end)
    }
}

impl Replay {
    /// What `user`, who was in guilds as `memberships` say, missed after one place and up to another.
    pub fn new(user: Id, memberships: impl Into<Arc<[Membership]>>, after: Seq, through: Seq) -> Self {
        Self { user, memberships: memberships.into(), after, through }
    }

    /// Whether nothing is left of it.
    pub fn is_done(&self) -> bool {
        self.after >= self.through
    }
}

impl<'a> Merged<'a> {
    fn add(&mut self, mut places: vec_deque::Iter<'a, Seq>) {
        if let Some(first) = places.next() {
            self.next.push(Reverse((*first, self.lists.len())));
            self.lists.push(places);
        }
    }
}

impl Iterator for Merged<'_> {
    type Item = Seq;

    fn next(&mut self) -> Option<Seq> {
        let Reverse((seq, _)) = *self.next.peek()?;
        while let Some(mut next) = self.next.peek_mut()
            && next.0.0 == seq
        {
            match self.lists[next.0.1].next() {
                Some(following) => next.0.0 = *following,
                None => drop(PeekMut::pop(next)),
            }
        }
        Some(seq)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::audience::Listener;
    use crate::entry::{Change, Draft};
    use crate::time::UnixMillis;

    fn id(number: u64) -> Id {
        Id::new(number).unwrap()
    }

    fn entry(seq: u64, event: Option<&str>, audience: Audience, change: Option<Change>) -> Entry {
        let draft = Draft { event: event.map(|json| json.parse().unwrap()), audience, change };
        draft.place(Seq::new(seq), UnixMillis::default())
    }

    /// All places of a replay up to the end of the log, by pages of three.
    fn missed(history: &History, user: u64, memberships: &[Membership], after: u64) -> Option<Vec<u64>> {
        let mut replay = Replay::new(id(user), memberships, Seq::new(after), history.head());
        let count = history.count(&replay)?;
        let mut all = Vec::new();
        while !replay.is_done() {
            let page = history.next_page(&mut replay, 3).unwrap();
            assert!(page.len() == 3 || (page.len() < 3 && replay.is_done()), "{page:?}");
            all.extend(page.into_iter().map(Seq::as_u64));
        }
        assert_eq!(all.len() as u64, count);
        Some(all)
    }

    #[test]
    fn a_place_is_good_while_all_after_it_is_held() {
        let mut history = History::new(Seq::new(100));
        assert_eq!((history.first(), history.head()), (Seq::new(101), Seq::new(100)));
        assert_eq!(missed(&history, 1, &[], 100), Some(vec![]));
        for seq in 101..=110 {
            history.push(&entry(seq, Some(r#"{"t":"X"}"#), Audience::Users(vec![id(1), id(1)]), None));
        }
        history.forget_through(Seq::new(105));
        assert_eq!(missed(&history, 1, &[], 104), None);
        assert_eq!(missed(&history, 1, &[], 105), Some(vec![106, 107, 108, 109, 110]));
        assert_eq!(missed(&history, 2, &[], 105), Some(vec![]));
        assert_eq!(missed(&history, 1, &[], 110), Some(vec![]));
        assert_eq!(missed(&history, 1, &[], 111), None);
        history.forget_through(Seq::new(500));
        assert_eq!((history.first(), history.head()), (Seq::new(111), Seq::new(110)));
        assert!(history.users.is_empty(), "swept");
    }

    #[test]
    fn what_is_never_replayed_still_takes_its_place() {
        let mut history = History::new(Seq::new(0));
        let here = r#"{"t":"NOTIFICATION","type":"HERE","excerpt":{}}"#;
        history.push(&entry(1, Some(here), Audience::Everyone, None));
        history.push(&entry(2, None, Audience::Everyone, Some(Change::UserRevoked { user: id(1) })));
        assert_eq!(missed(&history, 1, &[], 0), Some(vec![]));
        assert_eq!(history.head(), Seq::new(2));
    }

    #[test]
    fn a_membership_of_the_past_counts_for_its_time() {
        let mut history = History::new(Seq::new(0));
        for seq in 1..=9 {
            history.push(&entry(seq, Some(r#"{"t":"X"}"#), Audience::Guild(id(7)), None));
        }
        let stretch = |from, to: Option<u64>| Membership { guild: id(7), from: Seq::new(from), to: to.map(Seq::new) };
        let memberships = [stretch(2, Some(3)), stretch(6, Some(6)), stretch(9, None)];
        assert_eq!(missed(&history, 1, &memberships, 0), Some(vec![2, 3, 6, 9]));
        assert_eq!(missed(&history, 1, &memberships, 5), Some(vec![6, 9]));
        assert_eq!(missed(&history, 1, &[stretch(5, Some(2))], 0), Some(vec![]));
    }

    #[derive(Clone, Debug)]
    enum Op {
        Event(Audience),
        Join(u64, u64),
        Leave(u64, u64),
        GuildGone(u64),
    }

    fn op() -> impl Strategy<Value = Op> {
        let user = || (1u64..4).prop_map(id);
        let guild = || (10u64..13).prop_map(id);
        let audience = prop_oneof![
            Just(Audience::Everyone),
            prop::collection::vec(user(), 0..4).prop_map(Audience::Users),
            guild().prop_map(Audience::Guild),
            (user(), prop::collection::vec(guild(), 0..3))
                .prop_map(|(user, guilds)| Audience::UserAndGuilds { user, guilds }),
        ];
        prop_oneof![
            4 => audience.prop_map(Op::Event),
            1 => (1u64..4, 10u64..13).prop_map(|(user, guild)| Op::Join(user, guild)),
            1 => (1u64..4, 10u64..13).prop_map(|(user, guild)| Op::Leave(user, guild)),
            1 => (10u64..13).prop_map(Op::GuildGone),
        ]
    }

    proptest! {
        /// Whatever happens, what the index says was missed is what a listener that was there has heard.
        #[test]
        fn what_was_missed_is_what_was_heard(ops in prop::collection::vec(op(), 0..60), forget in 0u64..60) {
            let mut history = History::new(Seq::new(0));
            let mut memberships: Vec<(u64, Membership)> = Vec::new();
            let mut listeners: Vec<(Listener, Vec<u64>)> =
                (1..4).map(|user| (Listener::new(id(user), vec![]), vec![])).collect();
            for (op, seq) in ops.iter().zip(1..) {
                let open = |of: &(u64, Membership), guild| of.1.to.is_none() && of.1.guild == id(guild);
                let (audience, change) = match op {
                    Op::Event(audience) => (audience.clone(), None),
                    Op::Join(user, guild) => {
                        if !memberships.iter().any(|of| of.0 == *user && open(of, *guild)) {
                            memberships.push((*user, Membership { guild: id(*guild), from: Seq::new(seq), to: None }));
                        }
                        (Audience::Users(vec![id(*user)]), Some(Change::Joined { guild: id(*guild), user: id(*user) }))
                    }
                    Op::Leave(user, guild) => {
                        for of in memberships.iter_mut().filter(|of| of.0 == *user && open(of, *guild)) {
                            of.1.to = Some(Seq::new(seq));
                        }
                        (Audience::Users(vec![id(*user)]), Some(Change::Left { guild: id(*guild), user: id(*user) }))
                    }
                    Op::GuildGone(guild) => {
                        for of in memberships.iter_mut().filter(|of| open(of, *guild)) {
                            of.1.to = Some(Seq::new(seq));
                        }
                        (Audience::Guild(id(*guild)), Some(Change::GuildGone { guild: id(*guild) }))
                    }
                };
                let entry = entry(seq, Some(r#"{"t":"X"}"#), audience, change);
                history.push(&entry);
                for (listener, heard) in &mut listeners {
                    if listener.meet(&entry) {
                        heard.push(seq);
                    }
                }
            }
            history.forget_through(Seq::new(forget));
            let head = history.head().as_u64();
            for ((_, heard), user) in listeners.iter().zip(1u64..) {
                let of: Vec<_> = memberships.iter().filter(|of| of.0 == user).map(|of| of.1).collect();
                for after in 0..=head + 1 {
                    let expected = (forget.min(head)..=head)
                        .contains(&after)
                        .then(|| heard.iter().copied().filter(|seq| *seq > after).collect::<Vec<_>>());
                    prop_assert_eq!(missed(&history, user, &of, after), expected);
                }
            }
        }
    }
}
