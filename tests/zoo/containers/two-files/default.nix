# One container, of which a host's file says more
{
  imports = [
    ./nextcloud.nix
    ./host.nix
  ];
}
