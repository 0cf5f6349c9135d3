# Kept for the old place
args: import ../lib/containers.nix args
