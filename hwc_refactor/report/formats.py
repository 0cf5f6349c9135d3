"""The forms of a sheet, by the name that `--format` takes; each is loaded when it is wanted."""

from __future__ import annotations

from hwc_refactor.report.sheet import Sheet


def rendered(sheet: Sheet, format_: str) -> bytes:
    """A sheet as `sarif`, `github` or `html`."""
    if format_ == "sarif":
        from hwc_refactor.report import jsonout, sarif

        return jsonout.dumps(sarif.log(sheet))
    if format_ == "github":
        from hwc_refactor.report import github

        return github.workflow_commands(sheet)
    from hwc_refactor.report import page

    return page.page(sheet, f"hwc-refactor {sheet.command.split()[0]}")
