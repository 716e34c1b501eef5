//! Which cryptography TLS uses.

/// Makes ring the process's provider for rustls, unless one was chosen already. May be called any number of times.
pub fn install_crypto_provider() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // An error means that another thread was faster, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}
