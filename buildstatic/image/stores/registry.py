"""Images in a registry (github.com/opencontainers/distribution-spec, spec.md)."""
