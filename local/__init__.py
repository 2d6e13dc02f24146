"""The development server: the pieces of AWS that `template.yaml` uses, emulated on loopback. `make run` starts it."""
