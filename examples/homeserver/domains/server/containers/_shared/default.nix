args: import ./lib.nix args
