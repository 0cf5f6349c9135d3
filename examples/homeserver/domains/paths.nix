# Where things live. Other modules read config.hwc.paths and never spell a mount point.
{ lib, ... }:
let
  pathOption = default: description: lib.mkOption {
    type = lib.types.str;
    inherit default description;
  };
in
{
  options.hwc.paths = {
    hot = pathOption "/mnt/hot" "Fast storage: downloads, container state";
    cold = pathOption "/mnt/cold" "Slow storage: archives";
    media = pathOption "/mnt/media" "The media library";
    logs = pathOption "/var/log/hwc" "Log files that do not go to the journal";

    business = {
      root = pathOption "/opt/business" "Documents and uploads of the business API";
      api = pathOption "/opt/business/api" "Checkout of the business API";
    };
  };
}
