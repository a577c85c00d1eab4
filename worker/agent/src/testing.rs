//! A real worker for tests.
