{
  imports = [
    ./options.nix
    ./parts/config.nix
  ];
}
