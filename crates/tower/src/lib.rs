//! The tower layer of Watchpost: one isolation scope, one trace and one transaction per request.
