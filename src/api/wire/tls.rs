//! TLS whose settings are made once.

use std::sync::Mutex;

use ureq::Error;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, RustlsConnector, Transport,
};

use crate::base::sync::lock;

/// The library's connector. If several connections are opened at once, it reads all certificates of the system for each:
/// some 10 ms. Here the first one reads them, and the others wait for it.
#[derive(Debug, Default)]
pub(super) struct Tls {
    library: RustlsConnector,
    /// The certificates have been read.
    is_ready: Mutex<bool>,
}

impl<In: Transport> Connector<In> for Tls {
    type Out = <RustlsConnector as Connector<In>>::Out;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        inner: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        if details.needs_tls() {
            let mut is_ready = lock(&self.is_ready);
            if !*is_ready {
                // For the settings of a single request, the library keeps nothing.
                let of_agent = ConnectionDetails {
                    request_level: false,
                    addrs: details.addrs.clone(),
                    current_time: details.current_time.clone(),
                    run_connector: details.run_connector.clone(),
                    register_shutdown: details.register_shutdown.clone(),
                    ..*details
                };
                // Fails once the certificates are read; if they cannot be read, the real attempt says so.
                let _ = self.library.connect(&of_agent, Some(Nowhere(LazyBuffers::new(1, 1))));
                *is_ready = true;
            }
        }
        self.library.connect(details, inner)
    }
}

/// A connection to nothing.
#[derive(Debug)]
struct Nowhere(LazyBuffers);

impl Transport for Nowhere {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.0
    }

    fn transmit_output(&mut self, _: usize, _: NextTimeout) -> Result<(), Error> {
        Err(Error::ConnectionFailed)
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, Error> {
        Err(Error::ConnectionFailed)
    }

    fn is_open(&mut self) -> bool {
        false
    }
}
