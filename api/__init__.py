"""HTTP only. No rules: those live in the use-cases."""
