//! The simulated world: its inhabitants, its one clock, and the loop that turns it.

mod catching_up;
mod devices;
mod presences;
mod processes;
mod serving;
mod store;
mod trouble;

pub(crate) use self::serving::user_object;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use sanmon_core::codec::Encoding;
use sanmon_core::event::PresenceUpdate;
use sanmon_core::gateway::{ClientState, Limits, PresenceTimes, QueueLimits};
use sanmon_core::time::Moment;

use crate::deed::Deed;
use crate::device::Device;
use crate::dice::Dice;
use crate::frames::Frames;
use crate::link::Link;
use crate::node::{Desk, Node};
use crate::oracle::Oracle;
use crate::plan::Plan;
use crate::platform::Platform;
use crate::presence_judge::PresenceJudge;
use crate::reader::Reader;
use crate::sabotage::Sabotage;
use crate::tally::{Tally, Violation};

/// Within how much of the world's time every client is connected again once nothing is broken any more.
pub(crate) const RECOVERY: Duration = Duration::from_secs(120);

pub(crate) struct World {
    pub(crate) now: Moment,
    pub(crate) dice: Dice,
    pub(crate) plan: Plan,
    pub(crate) platform: Platform,
    pub(crate) oracle: Oracle,
    pub(crate) judge: PresenceJudge,
    pub(crate) nodes: Vec<Node>,
    pub(crate) links: BTreeMap<u64, Link>,
    pub(crate) devices: Vec<Device>,
    pub(crate) tally: Tally,
    /// Deeds that a node took and the log does not hold yet: their publishers have no answer.
    commits: VecDeque<Commit>,
    limits: Arc<Limits>,
    sabotage: Option<Sabotage>,
    violation: Option<Violation>,
    last_link: u64,
    last_session: u64,
    /// The store takes this much longer, and fails now and then, until the moment.
    hiccup_until: Moment,
    /// Nothing breaks any more.
    is_healed: bool,
    is_told: bool,
}

/// Deeds that become entries together, or not at all.
#[derive(Debug)]
struct Commit {
    due: Moment,
    node: usize,
    deeds: Vec<Deed>,
    /// The presences that these are, to be given back if they fail.
    batch: Vec<PresenceUpdate>,
}

impl World {
    pub(crate) fn new(seed: u64, sabotage: Option<Sabotage>) -> Self {
        let mut dice = Dice::new(seed);
        let plan = Plan::draw(&mut dice);
        Self::planned(dice, plan, sabotage)
    }

    pub(crate) fn planned(mut dice: Dice, plan: Plan, sabotage: Option<Sabotage>) -> Self {
        let now = Moment::from_millis(1_000_000);
        let platform = Platform::new((1..=plan.guilds).map(|guild| guild * 100).collect());
        let nodes = (0..plan.nodes).map(|_| Node::new(platform.head())).collect();
        let mut world = Self {
            now,
            oracle: Oracle::new(1..=plan.users),
            judge: PresenceJudge::default(),
            platform,
            nodes,
            links: BTreeMap::new(),
            devices: Vec::new(),
            tally: Tally::default(),
            commits: VecDeque::new(),
            limits: Arc::new(Limits::default()),
            sabotage,
            violation: None,
            last_link: 0,
            last_session: 0,
            hiccup_until: now,
            is_healed: false,
            is_told: std::env::var_os("SEED").is_some(),
            dice: Dice::new(dice.next()),
            plan,
        };
        let times = world.times();
        if let [node] = &mut world.nodes[..] {
            node.desk = Some(Desk::new(times));
        }
        for user in 1..=world.plan.users {
            for _ in 0..world.plan.devices {
                let session = world.mint(user);
                let encoding = if world.dice.percent(30) { Encoding::Zlib } else { Encoding::Json };
                let choice = world.draw_choice(user);
                world.devices.push(Device {
                    user,
                    session,
                    encoding,
                    client: None,
                    state: ClientState::Ended,
                    link: None,
                    frames: Frames::default(),
                    errand: None,
                    asleep_until: None,
                    offline_until: now,
                    reads_at: now,
                    pace: 0,
                    starts_at: Some(now + world.dice.millis(0, 2_000)),
                    choice,
                    reader: Reader::new(user),
                });
            }
        }
        world
    }

    /// Whether the user ever chooses how to show; the others are online while they are connected.
    pub(crate) const fn chooses(user: u64) -> bool {
        user % 2 == 1
    }

    pub(crate) fn times(&self) -> PresenceTimes {
        let times = PresenceTimes::default();
        match self.sabotage {
            Some(Sabotage::ShortGrace) => PresenceTimes { grace: Duration::from_secs(5), ..times },
            _ => times,
        }
    }

    pub(crate) fn queue_limits(&self) -> QueueLimits {
        let max_bytes = if self.is_sabotaged(Sabotage::GreedyQueue) { 1 << 20 } else { self.plan.queue };
        QueueLimits { max_bytes, ..QueueLimits::default() }
    }

    pub(crate) fn is_sabotaged(&self, by: Sabotage) -> bool {
        self.sabotage == Some(by)
    }

    /// Writes down what happens, when one seed is run to be looked at.
    pub(crate) fn tell(&self, what: impl FnOnce() -> String) {
        if self.is_told && self.violation.is_none() {
            println!("{:>8} ms  {}", self.now.as_millis() - 1_000_000, what());
        }
    }

    /// A rule was broken: the first breach is what the run reports.
    pub(crate) fn blame(&mut self, what: impl FnOnce() -> String) {
        if self.violation.is_none() {
            let what = what();
            self.tell(|| format!("VIOLATION: {what}"));
            self.violation = Some(Violation { at: self.now, what });
        }
    }

    pub(crate) fn verdict(&self) -> Result<(), Violation> {
        self.violation.clone().map_or(Ok(()), Err)
    }

    /// Lets time go by.
    pub(crate) fn run(&mut self, span: Duration) {
        let end = self.now + span;
        for _ in 0..1_000_000 {
            let next = self.next().filter(|next| *next <= end);
            self.now = next.map_or(end, |next| next.max(self.now));
            if next.is_none() || self.violation.is_some() {
                return;
            }
            self.tick();
        }
        self.blame(|| "a million events and no end".into());
    }

    fn next(&self) -> Option<Moment> {
        let commits = self.commits.iter().map(|commit| commit.due);
        let nodes = self.nodes.iter().filter_map(Node::next);
        let links = self.links.values().filter_map(Link::next);
        let devices = (0..self.devices.len()).filter_map(|device| self.next_of_device(device));
        commits.chain(nodes).chain(links).chain(devices).min()
    }

    /// Does all that is due now.
    fn tick(&mut self) {
        self.tick_store();
        for node in 0..self.nodes.len() {
            self.tick_node(node);
        }
        let links: Vec<u64> = self.links.keys().copied().collect();
        for link in links {
            self.tick_link(link);
        }
        for node in 0..self.nodes.len() {
            self.tick_desk(node);
        }
        for device in 0..self.devices.len() {
            self.tick_device(device);
        }
        self.links.retain(|_, link| link.attached || !link.server_gone);
    }

    /// Live, and not on a connection that goes nowhere without its knowing.
    fn is_connected(&self, device: &Device) -> bool {
        let link = device.link.and_then(|link| self.links.get(&link));
        device.is_live() && link.is_some_and(|link| !link.is_broken())
    }

    /// Nothing is broken any more: all must be connected within a bound, told everything, and seen as they are.
    pub(crate) fn conclude(&mut self) {
        self.heal();
        self.tally.recovery = self.recover();
        // Sessions that are still to expire do so, and their users log in for good.
        let rows = self.devices.iter().filter_map(|device| self.platform.sessions[&device.session].expires);
        if let Some(last) = rows.max() {
            self.run(last.since(self.now) + Duration::from_secs(5));
            self.recover();
        }
        // Longer than the grace, the gathering, and a store that fails once more; then one event that reaches everyone.
        self.run(Duration::from_secs(25));
        self.publish(0, vec![Deed::News(crate::deed::To::Everyone)]);
        self.run(Duration::from_secs(15));
        if self.violation.is_some() {
            return;
        }
        for device in 0..self.devices.len() {
            if self.devices[device].is_off() {
                continue;
            }
            if let Err(what) = self.devices[device].reader.conclude(&self.oracle) {
                return self.blame(|| format!("in the end, device {device}: {what}"));
            }
        }
        self.conclude_presences();
    }

    /// Waits until everyone is connected: how long that took.
    fn recover(&mut self) -> Duration {
        let healed = self.now;
        while self.violation.is_none()
            && !self.devices.iter().all(|device| self.is_connected(device) || device.is_off())
        {
            if self.now.since(healed) > RECOVERY {
                let late: Vec<String> = (0..self.devices.len())
                    .filter(|device| !self.is_connected(&self.devices[*device]) && !self.devices[*device].is_off())
                    .map(|device| format!("device {device} is {:?}", self.devices[device].state))
                    .collect();
                self.blame(|| format!("not connected {RECOVERY:?} after the network healed: {late:?}"));
            }
            self.run(Duration::from_millis(200));
        }
        self.now.since(healed)
    }
}
