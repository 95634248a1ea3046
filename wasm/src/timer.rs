//! The page's clock, and the one timer that a driver needs.

use sanmon_core::time::Moment;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;

    // What it returns is a number in browsers and an object in Node.
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(callback: &JsValue, ms: f64) -> JsValue;

    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(timer: &JsValue);
}

/// The longest wait that `setTimeout` takes, in milliseconds; with a longer one it fires at once.
const LONGEST: u64 = i32::MAX as u64;

/// Now, in milliseconds since the page began. This is the only clock of this crate.
pub(crate) fn now() -> Moment {
    moment(performance_now())
}

/// The moment that JavaScript read from the same clock.
pub(crate) fn moment(milliseconds: f64) -> Moment {
    Moment::from_millis(milliseconds as u64)
}

/// Calls back at one moment, the last that was asked for.
#[derive(Debug)]
pub(crate) struct Timer {
    callback: Closure<dyn FnMut()>,
    set: Option<(Moment, JsValue)>,
}

impl Timer {
    /// A timer that is not set.
    pub(crate) fn new(callback: impl FnMut() + 'static) -> Self {
        Self { callback: Closure::new(callback), set: None }
    }

    /// Calls back at `deadline` or before, or never. One that is set earlier stays: a deadline that moves with every
    /// message would set as many timers. A hidden page's timers fire up to a minute late; the machine looks at the clock.
    pub(crate) fn at_the_latest(&mut self, deadline: Option<Moment>) {
        match (&self.set, deadline) {
            (Some((at, _)), Some(deadline)) if *at <= deadline => return,
            (Some((_, timer)), _) => clear_timeout(timer),
            (None, _) => {}
        }
        self.set = deadline.map(|at| {
            let wait = at.as_millis().saturating_sub(now().as_millis()).min(LONGEST);
            // Rounded up: one that fires within the millisecond before would be set again at once.
            (at, set_timeout(self.callback.as_ref(), (wait + 1) as f64))
        });
    }

    /// Forgets that it is set: it has just fired.
    pub(crate) fn fired(&mut self) {
        self.set = None;
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.at_the_latest(None);
    }
}
