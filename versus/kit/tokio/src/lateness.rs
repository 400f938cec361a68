//! How late the ticks of a plan were, over time: tick i was due i + 1 periods after the start and ran late[i] after that
//! (microseconds, not sorted). The time until the last ran is cut in 300 slots, and the latest tick of each is kept.

use std::fmt::Write;

const SLOTS: usize = 300;

/// "[1062,62],[4103,103]": when a tick ran, and how late.
pub fn pairs(late: &[f64], period: f64) -> String {
    let ran = || late.iter().enumerate().map(|(i, l)| ((i + 1) as f64 * period + l, *l));
    let span = ran().map(|(at, _)| at).fold(0.0, f64::max);
    let mut kept = [None::<(f64, f64)>; SLOTS];
    for (at, l) in ran().filter(|(_, l)| *l >= 0.0) {
        let slot = &mut kept[((at / span * SLOTS as f64) as usize).min(SLOTS - 1)];
        if slot.map_or(true, |(_, most)| l > most) {
            *slot = Some((at, l));
        }
    }
    let mut pairs = String::new();
    for (at, l) in kept.iter().flatten() {
        let comma = if pairs.is_empty() { "" } else { "," };
        write!(pairs, "{comma}[{at:.0},{l:.0}]").expect("a string has room");
    }
    pairs
}
