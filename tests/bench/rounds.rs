//! Figures of several servers that took turns, and how they compare: ratios count, since a machine's speed drifts.

use serde_json::{Value, json};

use crate::generator::Ran;

/// What several servers did with the same load, round by round.
#[derive(Clone, Debug)]
pub(crate) struct Rounds {
    names: Vec<&'static str>,
    /// By server, then round.
    ran: Vec<Vec<Ran>>,
}

impl Rounds {
    pub(crate) fn new(names: Vec<&'static str>) -> Self {
        let ran = names.iter().map(|_| Vec::new()).collect();
        Self { names, ran }
    }

    pub(crate) fn add(&mut self, server: usize, ran: Ran) {
        self.ran[server].push(ran);
    }

    pub(crate) fn names(&self) -> &[&'static str] {
        &self.names
    }

    /// The median of a figure over the rounds.
    pub(crate) fn median(&self, server: usize, figure: impl Fn(&Ran) -> f64) -> f64 {
        median(self.ran[server].iter().map(figure).collect())
    }

    /// The median of the rounds' ratios of two servers.
    pub(crate) fn ratio(&self, server: usize, to: usize, figure: impl Fn(&Ran) -> f64) -> f64 {
        median(self.ran[server].iter().zip(&self.ran[to]).map(|(one, other)| figure(one) / figure(other)).collect())
    }

    /// All of it, for the record.
    pub(crate) fn to_json(&self) -> Value {
        let one = |server: usize| {
            json!({
                "server": self.names[server],
                "cpu_us_per_delivery": round(self.median(server, cost)),
                "deliveries_per_second": self.median(server, rate).round(),
                "generator_cpu_share": round(self.median(server, generator_share)),
                "complete_p50_us": self.median(server, |ran| ran.complete.p50.into()),
                "rounds_cpu_us_per_delivery": self.ran[server].iter().map(|ran| round(cost(ran))).collect::<Vec<_>>(),
            })
        };
        (0..self.names.len()).map(one).collect()
    }
}

/// Microseconds of the server's processor time for a delivery.
pub(crate) fn cost(ran: &Ran) -> f64 {
    ran.server_cpu * 1e6 / ran.deliveries as f64
}

/// Deliveries a second.
pub(crate) fn rate(ran: &Ran) -> f64 {
    ran.deliveries as f64 / ran.seconds
}

/// How much of one core the load generator took.
pub(crate) fn generator_share(ran: &Ran) -> f64 {
    ran.generator_cpu / ran.seconds
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => values[middle],
        _ => (values[middle - 1] + values[middle]) / 2.0,
    }
}

/// To as many digits as the figure may be believed.
pub(crate) fn round(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

/// The order in which so many servers take their turns in this round: each round begins with another.
pub(crate) fn turns(servers: usize, round: usize) -> impl Iterator<Item = usize> {
    (0..servers).map(move |turn| (turn + round) % servers)
}
