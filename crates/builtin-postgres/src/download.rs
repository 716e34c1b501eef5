//! Fetches a PostgreSQL for machines that have none.

use crate::Error;
use crate::locate::{Installation, SearchPlaces};

/// Fetches a PostgreSQL of this major version, or the newest, into the places' download folder.
#[cfg(feature = "download")]
pub(crate) async fn fetch(places: &SearchPlaces, major: Option<u32>, not_found: Error) -> Result<Installation, Error> {
    use std::time::Duration;

    use postgresql_embedded::{PostgreSQL, Settings, VersionReq};

    /// An archive has some 10 MB; a connection that hangs for ever must not hang the gateway.
    const PATIENCE: Duration = Duration::from_secs(180);

    let Some(dir) = &places.download_dir else {
        return Err(not_found);
    };
    tracing::info!(dir = %dir.display(), "no installed PostgreSQL was found; fetching one");
    let attempt = async {
        std::fs::create_dir_all(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
        let scratch = dir.join(format!("fetch-{}", std::process::id()));
        std::fs::create_dir_all(&scratch).map_err(|error| format!("{}: {error}", scratch.display()))?;
        // The crate installs and then initialises. We initialise ourselves (it knows no second user and turns fsync
        // off), so it is shown a folder that looks initialised.
        let prepared = std::fs::write(scratch.join("postgresql.conf"), "");
        let mut settings = Settings {
            installation_dir: dir.clone(),
            data_dir: scratch.clone(),
            password_file: scratch.join("unused"),
            ..Settings::default()
        };
        if let Some(major) = major.and_then(|major| VersionReq::parse(&format!("={major}")).ok()) {
            settings.version = major;
        }
        let result = match prepared {
            Ok(()) => {
                let mut server = PostgreSQL::new(settings);
                match tokio::time::timeout(PATIENCE, server.setup()).await {
                    Ok(Ok(())) => Ok(server.settings().binary_dir()),
                    Ok(Err(error)) => Err(chain(&error)),
                    Err(_) => Err(format!("nothing came within {} s", PATIENCE.as_secs())),
                }
            }
            Err(error) => Err(format!("{}: {error}", scratch.display())),
        };
        drop(std::fs::remove_dir_all(&scratch));
        result
    };
    let outcome = match attempt.await {
        Ok(bin_dir) => crate::locate::inspect(&bin_dir).ok_or_else(|| format!("{} does not run", bin_dir.display())),
        Err(reason) => Err(reason),
    };
    outcome.map_err(|reason| match not_found {
        Error::NotFound {
            wanted,
            looked,
            too_old,
            ..
        } => Error::NotFound {
            wanted,
            looked,
            too_old,
            download: format!(", and fetching one failed ({reason})"),
        },
        other => other,
    })
}

/// The error with its causes: the outermost alone says "error sending request".
#[cfg(feature = "download")]
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}

/// This build fetches nothing.
#[cfg(not(feature = "download"))]
pub(crate) async fn fetch(_: &SearchPlaces, _: Option<u32>, not_found: Error) -> Result<Installation, Error> {
    Err(not_found)
}
