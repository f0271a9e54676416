"""The shared kernel: what every module stands on."""
