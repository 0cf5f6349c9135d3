# What a configuration comes to, as plain data.
#
#   nix-instantiate --eval --strict --json facts.nix --argstr root /etc/nixos \
#     --arg modules 'root: [ (root + "/hosts/server") ]'
{ root, modules, lib ? import ./lib.nix }:
let
  # Nothing is built: a package is a store path that depends on its name and its text alone.
  built = name: text: {
    type = "derivation";
    inherit name;
    outPath = "/nix/store/${builtins.substring 0 32 (builtins.hashString "sha256" text)}-${name}";
  };
  package = name: built name name;
  names = [
    "clinfo" "curl" "intel-gpu-tools" "intel-media-driver" "intel-vaapi-driver" "libva-utils" "libvirt"
    "netcat" "nvidia-vaapi-driver" "podman" "radeontop" "vulkan-tools" "webhook" "zstd"
  ];
  pkgs = lib.genAttrs names package // {
    cudaPackages.cuda_nvcc = package "cuda_nvcc";
    nvtopPackages.nvidia = package "nvtop";
    python3.withPackages = _: package "python3-env";
    python3Packages.uvicorn = package "uvicorn";
    rocmPackages.clr.icd = package "clr-icd";
    writeShellScript = built;
    writeText = built;
  };

  host = {
    boot.kernelPackages.nvidiaPackages = lib.genAttrs [ "beta" "legacy_535" "production" "stable" ] (_: package "nvidia");
    services.postgresql.package = package "postgresql";
  };

  inherit (lib.evalModules {
    specialArgs = { inherit pkgs; inputs.agenix.nixosModules.default = { }; };
    modules = [ ./options.nix host ] ++ modules (/. + root);
  }) config;
in
{
  inherit (config) hardware hwc networking system time users virtualisation warnings;
  # What the shared modules are given shows in what they make of it
  services = removeAttrs config.services [ "hwc" ];
  assertions = map (entry: { inherit (entry) assertion message; }) config.assertions;
  boot = { inherit (config.boot) blacklistedKernelModules kernelModules loader; };
  environment = { inherit (config.environment) sessionVariables systemPackages; };
  secrets = builtins.mapAttrs (_: secret: { inherit (secret) mode owner path; }) config.age.secrets;
  systemd = { inherit (config.systemd) services timers tmpfiles; };
}
