//! Publishing: deeds wait for the store, become entries of the log, and travel to the nodes.

use sanmon_core::gateway::PresenceOutput;
use sanmon_core::time::Moment;

use super::{Commit, World};
use crate::deed::Deed;
use crate::platform::{SessionRow, number_of};

impl World {
    /// A publisher asks a node, or the first one that takes it. Whether one did: nothing is lost of what none took.
    pub(crate) fn publish(&mut self, node: usize, deeds: Vec<Deed>) {
        if self.nodes[node].is_down() {
            return;
        }
        let due = self.now + self.dice.millis(1, 20);
        self.commits.push_back(Commit { due, node, deeds, batch: Vec::new() });
    }

    pub(crate) fn mint(&mut self, user: u64) -> u64 {
        self.last_session += 1;
        let expires = (self.dice.percent(10) && !self.is_healed).then(|| self.now + self.dice.millis(20_000, 200_000));
        self.platform.sessions.insert(self.last_session, SessionRow { user, expires, revoked: false });
        self.oracle.minted(self.last_session, user);
        self.last_session
    }

    /// Retention takes its share.
    pub(crate) fn forget(&mut self, percent: u64) {
        let floor = self.platform.forget(percent);
        self.oracle.forgot(floor);
    }

    pub(super) fn tick_store(&mut self) {
        while let Some(index) = self.commits.iter().position(|commit| commit.due <= self.now) {
            let Some(Commit { node, deeds, batch, .. }) = self.commits.remove(index) else { return };
            if !batch.is_empty() && self.now < self.hiccup_until && self.dice.percent(50) {
                self.fail_batch(node, &batch);
                continue;
            }
            if deeds.iter().take(1).all(|deed| self.platform.accepts(deed)) {
                deeds.iter().for_each(|deed| self.commit(deed));
            }
            if let Some(desk) = &mut self.nodes[node].desk {
                desk.under_way.take_if(|_| !batch.is_empty());
            }
        }
    }

    fn commit(&mut self, deed: &Deed) {
        let entry = self.platform.commit(deed);
        self.oracle.happened(deed);
        self.tell(|| format!("s={} {deed:?}", entry.seq.as_u64()));
        for index in 0..self.nodes.len() {
            let at = self.now + self.dice.millis(0, 40);
            let node = &mut self.nodes[index];
            if !node.is_down() {
                let at = node.arriving.back().map_or(at, |(last, _)| at.max(*last));
                node.arriving.push_back((at, entry.clone()));
            }
        }
    }

    /// What a process had not committed is gone with it; whoever asked for it got no answer.
    pub(super) fn drop_commits(&mut self, node: usize) {
        self.commits.retain(|commit| commit.node != node);
    }

    /// Takes what the presences of a node want, at most one batch at a time.
    pub(super) fn tick_desk(&mut self, index: usize) {
        let now = self.now;
        let Some(desk) = &mut self.nodes[index].desk else { return };
        if desk.under_way.is_none() && desk.machine.deadline().is_some_and(|at| at <= now) {
            desk.machine.handle_timeout(now);
        }
        let mut decided = Vec::new();
        while let Some(output) = desk.machine.poll_output() {
            match output {
                PresenceOutput::Remember(chosen) => {
                    self.platform.chosen.extend(chosen.into_iter().map(|update| (update.id.as_u64(), update.d)));
                }
                PresenceOutput::Publish(batch) => {
                    decided.extend(batch.iter().map(|update| (update.id.as_u64(), number_of(update.d.kind))));
                    desk.waiting.extend(batch);
                }
            }
        }
        if desk.under_way.is_none() && !desk.waiting.is_empty() {
            let batch = std::mem::take(&mut desk.waiting);
            let due = now + self.dice.millis(1, 40);
            desk.under_way = Some((due, batch.clone()));
            let deeds =
                batch.iter().map(|update| Deed::Shows { user: update.id.as_u64(), kind: number_of(update.d.kind) });
            self.commits.push_back(Commit { due, node: index, deeds: deeds.collect(), batch });
        }
        for (user, kind) in decided.into_iter().filter(|(user, _)| !Self::chooses(*user)) {
            if let Err(what) = self.judge.decided(now, user, kind) {
                self.blame(|| what);
            }
        }
    }

    fn fail_batch(&mut self, node: usize, batch: &[sanmon_core::event::PresenceUpdate]) {
        let now = self.now;
        self.tell(|| format!("the store fails to show {} presences", batch.len()));
        if let Some(desk) = &mut self.nodes[node].desk {
            desk.under_way = None;
            desk.machine.handle_unpublished(now, batch);
        }
        batch.iter().for_each(|update| self.judge.failed(update.id.as_u64()));
    }

    /// The store answers late, and fails now and then, until a moment.
    pub(crate) fn hiccup(&mut self, until: Moment) {
        self.hiccup_until = self.hiccup_until.max(until);
    }
}
