"""NixOS objects in every shape they are written in: services, containers, options, secrets."""
