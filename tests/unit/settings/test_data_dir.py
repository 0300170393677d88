from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest

from motia.errors import SettingsError
from motia.settings import Settings
from motia.settings.data_dir import make_data_folders
from motia.supervisor.run import run_single, run_supervised


@pytest.mark.parametrize("given", [{"data_dir": "file/data"}, {"database": {"url": "sqlite:file/a.db"}}])
@pytest.mark.parametrize("run", [run_single, run_supervised])
def test_a_folder_for_data_that_cannot_be_made_ends_the_start_before_any_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Any, given: dict[str, Any]
) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    (tmp_path / "file").touch()
    settings = Settings.model_validate({"project_dir": tmp_path, "port": 0, "mode": "production", **given})
    with pytest.raises(SettingsError, match=rf"{tmp_path}/file.*: expected to make a folder") as refused:
        run(settings)
    assert refused.value.code == "settings.data_dir"
    assert "MOTIA_DATA_DIR" in str(refused.value)


def test_folders_for_data_are_for_their_owner(tmp_path: Path) -> None:
    make_data_folders(
        Settings.model_validate({"project_dir": tmp_path, "database": {"url": "sqlite:d/a.db"}})
    )
    for name in (".motia", "d"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o700
    make_data_folders(Settings.model_validate({"project_dir": tmp_path, "database": {"url": "memory"}}))
