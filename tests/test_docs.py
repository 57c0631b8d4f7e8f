"""What the documentation says is what the program does, as far as a program can tell."""

import re
import tomllib
from pathlib import Path

import click
import pytest

from ctm.accounts.presets import PRESETS
from ctm.campaigns.definition import KEYS
from ctm.cli import accounts, backup, campaigns, clients, demo, doctor, users, worker
from ctm.config import ROOT, SETTINGS, Setting
from ctm.mailing.merge import CATALOGUE, MODULES
from ctm.models import Role
from ctm.permissions import ROLE_PERMISSIONS

OPERATION = {"en": "docs/en/operation.md", "it": "docs/it/esercizio.md"}
GUIDES = {"en": "docs/en/guide.md", "it": "docs/it/guida.md"}
EMPTY = {"en": "empty", "it": "vuoto"}
ROW = re.compile(r"^\| `(CTM_\w+)` \| ([^|]*) \| ([^|]+) \|$", re.M)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"```.*?```", re.S)
HEADING = re.compile(r"^#+ (.+)$", re.M)
PAGES = sorted(
    path.relative_to(ROOT).as_posix() for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
)


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def shown(setting: Setting, language: str) -> str:
    """A default as the table writes it."""
    default = setting.default
    if isinstance(default, bool):
        return f"`{int(default)}`"
    if default == "":
        return EMPTY[language]
    if setting.name == "CTM_INSTANCE":
        return f"`{Path(default).relative_to(ROOT)}`"
    return f"`{default}`"


@pytest.mark.parametrize("language", OPERATION)
def test_the_operators_guide_lists_every_setting_with_its_default(language: str) -> None:
    listed = {name: default for name, default, _meaning in ROW.findall(read(OPERATION[language]))}
    assert listed == {setting.name: shown(setting, language) for setting in SETTINGS}


@pytest.mark.parametrize("name", PAGES)
def test_no_page_speaks_of_a_setting_that_does_not_exist(name: str) -> None:
    known = {setting.name for setting in SETTINGS} | {"CTM_ACCOUNT_PASSWORD"}
    assert set(re.findall(r"\bCTM_[A-Z_]+\b", read(name))) <= known


@pytest.mark.parametrize("language", OPERATION)
def test_the_example_campaign_shows_every_key_a_definition_can_have(language: str) -> None:
    block = re.search(r"```toml\n(.*?)```", read(OPERATION[language]), re.S)
    assert block is not None
    example = tomllib.loads(block[1])
    assert set(example) | {"html", "text", "text_file"} == KEYS


def commands() -> list[str]:
    groups: tuple[click.Group, ...] = (
        users.users,
        clients.clients,
        accounts.accounts,
        campaigns.campaigns,
        demo.demo,
    )
    return [worker.worker.name or "", doctor.doctor.name or ""] + [
        f"{group.name} {name}" for group in groups for name in group.commands
    ]


@pytest.mark.parametrize("language", OPERATION)
def test_the_operators_guide_shows_every_command_and_provider(language: str) -> None:
    text = read(OPERATION[language])
    assert [name for name in commands() if f"ctm {name}" not in text] == []
    assert [preset.code for preset in PRESETS if f"`{preset.code}`" not in text] == []


@pytest.mark.parametrize("language", OPERATION)
def test_the_operators_guide_shows_how_to_back_up_restore_and_upgrade(language: str) -> None:
    text = read(OPERATION[language])
    shown_commands = (backup.backup, backup.restore, backup.upgrade)
    assert [c.name for c in shown_commands if f"flask --app app {c.name}" not in text] == []
    options = [option for c in shown_commands for p in c.params for option in p.opts]
    told = {"--json", "--help"} | set(re.findall(r"--[a-z-]+", text))
    assert [option for option in options if option[:2] == "--" and option not in told] == []


@pytest.mark.parametrize("language", GUIDES)
def test_the_users_guide_names_every_merge_field(language: str) -> None:
    modules = "|".join(CATALOGUE.modules)
    named = set(re.findall(rf"`\[?((?:{modules})\.\w+)", read(GUIDES[language])))
    fields = {key for module in MODULES.values() for key in module.fields}
    assert named == fields


@pytest.mark.parametrize("language", GUIDES)
def test_the_table_of_roles_has_a_column_for_each_role_and_a_row_for_each_permission(
    language: str,
) -> None:
    text = read(GUIDES[language])
    rows = re.findall(r"^\| [^|]+ \| (.*) \| `(\w+)` \|$", text, re.M)
    table = {
        permission: [cell.strip() == "●" for cell in cells.split("|")] for cells, permission in rows
    }
    roles = (Role.ADMINISTRATOR, Role.MANAGER, Role.OPERATOR, Role.SUPERVISOR)
    assert table == {
        permission.value: [permission in ROLE_PERMISSIONS[role] for role in roles]
        for permission in ROLE_PERMISSIONS[Role.ADMINISTRATOR]
    }


def anchors(text: str) -> set[str]:
    """Headings as GitHub makes addresses of them."""
    titles = HEADING.findall(FENCE.sub("", text))
    return {
        re.sub(r"[^\w\- ]", "", title.replace("`", "").lower()).replace(" ", "-")
        for title in titles
    }


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_to_files_and_headings_that_exist(name: str) -> None:
    page = ROOT / name
    for target in LINK.findall(FENCE.sub("", read(name))):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        path, _hash, anchor = target.partition("#")
        place = (page.parent / path).resolve() if path else page
        assert place.exists(), f"{name}: {target}"
        if anchor:
            assert anchor in anchors(place.read_text(encoding="utf-8")), f"{name}: {target}"


def test_both_languages_have_the_same_chapters() -> None:
    for english, italian in ((GUIDES["en"], GUIDES["it"]), (OPERATION["en"], OPERATION["it"])):
        levels = [
            [line.count("#") for line in re.findall(r"^#+", FENCE.sub("", read(name)), re.M)]
            for name in (english, italian)
        ]
        assert levels[0] == levels[1], (english, italian)
