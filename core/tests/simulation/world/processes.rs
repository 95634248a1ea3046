//! The servers' processes: how they start, drain and end.

use std::time::Duration;

use sanmon_core::event::Reconnect;

use super::World;
use super::serving::CLOSE_TIMEOUT;
use crate::node::{Desk, Life, Node};
use crate::sabotage::Sabotage;

/// The longest time after which a client that is sent away may come back, in milliseconds.
const MAX_RETURN: u64 = 3_000;

impl World {
    pub(super) fn tick_node(&mut self, index: usize) {
        let now = self.now;
        match self.nodes[index].life {
            Life::Down { until } if until <= now => self.start(index),
            Life::Draining { until } if until <= now => {
                let down = self.dice.millis(200, 4_000);
                self.end_process(index, down, false);
            }
            _ => {}
        }
        while self.nodes[index].arriving.front().is_some_and(|(at, _)| *at <= now) {
            let Some((_, entry)) = self.nodes[index].arriving.pop_front() else { break };
            self.meet(index, &entry);
        }
        let leaving = std::mem::take(&mut self.nodes[index].leaving);
        for (at, link) in leaving {
            if at <= now {
                self.send_away(index, link);
            } else {
                self.nodes[index].leaving.push((at, link));
            }
        }
    }

    /// A process starts: its index comes from the log, and who was shown as online is given the grace.
    fn start(&mut self, index: usize) {
        self.platform.reindex();
        self.nodes[index] = Node::new(self.platform.head());
        self.tell(|| format!("node {index} starts"));
        let times = self.times();
        if let [node] = &mut self.nodes[..] {
            let desk = node.desk.insert(Desk::new(times));
            if self.sabotage != Some(Sabotage::ForgottenGhosts) {
                desk.machine.handle_leftovers(self.now, self.platform.shown_online());
            }
        }
    }

    /// A process ends at once. Its kernel says so to the clients, or the machine is gone and nobody does.
    pub(crate) fn end_process(&mut self, index: usize, down: Duration, silent: bool) {
        self.tell(|| format!("node {index} ends for {down:?}{}", if silent { ", silently" } else { "" }));
        self.nodes[index] = Node::new(self.platform.head());
        self.nodes[index].life = Life::Down { until: self.now + down };
        for link in self.links.values_mut().filter(|link| link.node == index && !link.server_gone) {
            link.server_gone = true;
            if silent {
                link.down.lose();
            }
        }
        self.drop_commits(index);
        self.judge.crashed(self.now);
    }

    /// A node drains: everyone is sent away at a moment of the window.
    pub(crate) fn drain(&mut self, index: usize, window: Duration) {
        self.nodes[index].life = Life::Draining { until: self.now + window + CLOSE_TIMEOUT };
        let ids: Vec<u64> = self.links.iter().filter(|(_, link)| link.node == index).map(|(id, _)| *id).collect();
        for link in ids {
            let at = self.now + self.dice.millis(0, window.as_millis() as u64);
            self.nodes[index].leaving.push((at, link));
        }
    }

    fn send_away(&mut self, index: usize, link: u64) {
        let other = (0..self.nodes.len()).find(|other| *other != index && self.nodes[*other].life == Life::Up);
        let url = if self.dice.percent(50) { Some(url_of(other.unwrap_or(index))) } else { None };
        let reconnect = Reconnect { url, delay_ms: self.dice.below(MAX_RETURN) };
        let now = self.now;
        if let Some(it) = self.links.get_mut(&link).filter(|it| it.is_served()) {
            it.session.handle_drain(now, &reconnect);
            self.drive(link);
        }
    }

    /// Whether a node takes connections.
    pub(crate) fn is_open(&self, node: usize) -> bool {
        self.nodes[node].life == Life::Up
    }
}

pub(crate) fn url_of(node: usize) -> String {
    format!("wss://n{node}")
}

pub(crate) fn node_of(url: &str) -> usize {
    url.strip_prefix("wss://n").and_then(|number| number.parse().ok()).expect("an address of this world")
}
