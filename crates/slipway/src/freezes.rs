//! Freeze windows, from the configuration to what holds deployments back.

use slipway_config::{Faults, FreezeSettings};
use slipway_engine::freezes::{Freeze, Freezes, Window};

/// Reads the windows. Every fault is noted, with where it is written.
pub(crate) fn read(settings: &[FreezeSettings], faults: &mut Faults) -> Freezes {
    let mut freezes = Vec::new();
    for freeze in settings {
        let FreezeSettings {
            place,
            name,
            reason,
            from,
            to,
            weekly,
            time_zone,
            providers,
            accounts,
            names,
            environments,
            labels,
        } = freeze.clone();
        let window = Window::parse(from.as_deref(), to.as_deref(), weekly.as_deref(), time_zone.as_deref());
        match window {
            Err(message) => faults.push(place, format!("freeze {name}"), message),
            Ok(window) => freezes.push(Freeze {
                name,
                reason,
                window,
                providers,
                accounts,
                names,
                environments,
                labels,
            }),
        }
    }
    Freezes::new(freezes)
}
