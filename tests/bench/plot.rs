//! Plots of curves, as SVG.

use std::fmt::Write;

/// Curves over one axis.
#[derive(Clone, Debug)]
pub(crate) struct Plot {
    pub(crate) title: String,
    pub(crate) x: &'static str,
    pub(crate) y: &'static str,
    pub(crate) curves: Vec<Curve>,
}

/// One curve, its points from left to right.
#[derive(Clone, Debug)]
pub(crate) struct Curve {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
}

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 130.0;
const TOP: f64 = 50.0;
const BOTTOM: f64 = 60.0;
/// Told apart by those who see no red and green, too (Okabe and Ito's).
const COLOURS: [&str; 7] = ["#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#555555"];

impl Plot {
    pub(crate) fn to_svg(&self) -> String {
        let points = || self.curves.iter().flat_map(|curve| &curve.points);
        let x_end = round_up(points().map(|point| point.0).fold(1e-9, f64::max));
        let y_end = round_up(points().map(|point| point.1).fold(1e-9, f64::max));
        let place_x = |x: f64| LEFT + x / x_end.0 * (WIDTH - LEFT - RIGHT);
        let place_y = |y: f64| HEIGHT - BOTTOM - y / y_end.0 * (HEIGHT - TOP - BOTTOM);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
             font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
             <text x=\"{LEFT}\" y=\"28\" font-size=\"16\">{}</text>\n",
            escape(&self.title)
        );
        for tick in ticks(x_end) {
            let (x, top, bottom) = (place_x(tick), place_y(y_end.0), place_y(0.0));
            let text = number(tick);
            let _ = writeln!(svg, "<path d=\"M{x:.1} {top:.1}V{bottom:.1}\" stroke=\"#dddddd\"/>");
            let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{text}</text>", bottom + 20.0);
        }
        for tick in ticks(y_end) {
            let (y, left, right) = (place_y(tick), place_x(0.0), place_x(x_end.0));
            let text = number(tick);
            let _ = writeln!(svg, "<path d=\"M{left:.1} {y:.1}H{right:.1}\" stroke=\"#dddddd\"/>");
            let (x, y) = (left - 8.0, y + 4.0);
            let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"end\">{text}</text>");
        }
        let middle = (LEFT + WIDTH - RIGHT) / 2.0;
        let _ = writeln!(svg, "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">{}</text>", HEIGHT - 14.0, self.x);
        let middle = (TOP + HEIGHT - BOTTOM) / 2.0;
        let turned = format!("transform=\"rotate(-90 18 {middle})\" text-anchor=\"middle\"");
        let _ = writeln!(svg, "<text x=\"18\" y=\"{middle}\" {turned}>{}</text>", self.y);
        let mut labels: Vec<(f64, usize)> = self.curves.iter().enumerate().filter_map(label).collect();
        labels.sort_by(|one, other| other.0.total_cmp(&one.0));
        let mut lowest = f64::MIN;
        for (end, index) in labels {
            let (curve, colour) = (&self.curves[index], COLOURS[index % COLOURS.len()]);
            let line: Vec<String> =
                curve.points.iter().map(|(x, y)| format!("{:.1},{:.1}", place_x(*x), place_y(*y))).collect();
            let line = line.join(" ");
            let _ =
                writeln!(svg, "<polyline points=\"{line}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2.5\"/>");
            for (x, y) in &curve.points {
                let (x, y) = (place_x(*x), place_y(*y));
                let _ = writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\" fill=\"{colour}\"/>");
            }
            // Names of curves that end side by side must not lie on one another.
            lowest = (place_y(end) + 4.0).max(lowest + 16.0);
            let (x, name) = (WIDTH - RIGHT + 10.0, escape(&curve.name));
            let _ = writeln!(svg, "<text x=\"{x}\" y=\"{lowest:.1}\" fill=\"{colour}\">{name}</text>");
        }
        svg.push_str("</svg>\n");
        svg
    }
}

/// The height of a curve's end, which its name stands beside.
fn label((index, curve): (usize, &Curve)) -> Option<(f64, usize)> {
    curve.points.last().map(|(_, y)| (*y, index))
}

/// The end of an axis that reaches up to `most`, and the step between its ticks.
fn round_up(most: f64) -> (f64, f64) {
    let power = 10_f64.powf((most / 5.0).log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].iter().map(|times| times * power).find(|step| most / step <= 6.0);
    let step = step.unwrap_or(power * 10.0);
    ((most / step).ceil() * step, step)
}

fn ticks((end, step): (f64, f64)) -> impl Iterator<Item = f64> {
    (0..=(end / step).round() as usize).map(move |tick| tick as f64 * step)
}

fn number(value: f64) -> String {
    if value >= 1000.0 {
        let (thousands, rest) = (value as u64 / 1000, value as u64 % 1000);
        return format!("{thousands},{rest:03}");
    }
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
