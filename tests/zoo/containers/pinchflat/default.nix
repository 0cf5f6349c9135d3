# Options in a file of their own, an image by option, and the network as an `if`, which the unit repeats
# with { zoo.pinchflat.enable = true; }
# with { zoo.pinchflat = { enable = true; network.mode = "vpn"; gpu.enable = true; }; }
# with { zoo.pinchflat = { enable = true; image = "ghcr.io/kieraneglin/pinchflat:v2025.6.6"; }; }
{
  imports = [
    ./options.nix
    ./parts/config.nix
  ];
}
