"""Asks Open WebUI a question in a headless Chromium, as a person would; runs in Playwright's own environment.

    python open_webui_browser.py URL FOLDER QUESTION ANSWER

ANSWER is how the answer begins. Prints JSON: the models offered, and what stands above and in the answer, before and
after the page is loaded again. Screenshots go to FOLDER.
"""

from __future__ import annotations

import json
import shutil
import sys

from playwright.sync_api import Page, sync_playwright

START_MS = 30_000


def main(url: str, folder: str, question: str, answer: str) -> None:
    """Choose nothing, ask, look, load again, look again."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1200, "height": 800})
        page.goto(url)
        page.get_by_role("button", name="Okay, Let's Go!").click(timeout=START_MS)
        models = offered(page)
        page.screenshot(path=f"{folder}/models.png")
        page.keyboard.press("Escape")
        page.locator("#chat-input").click()
        page.keyboard.type(question)
        page.keyboard.press("Enter")
        said = answered(page, answer)
        page.screenshot(path=f"{folder}/answer.png")
        page.reload()
        kept = answered(page, answer)
        browser.close()
    print(json.dumps({"models": models, "said": said, "kept": kept}))  # noqa: T201  a program of its own


def offered(page: Page) -> list[str]:
    """The names in the model menu, which stays open."""
    page.get_by_role("button", name="Selected model").click()
    options = page.get_by_role("option")
    options.first.wait_for()
    return [option.inner_text().strip() for option in options.all()]


def answered(page: Page, answer: str) -> str:
    """All text of the first answer, once it is complete."""
    message = page.locator("[id^=message-]").filter(has_text=answer).first
    message.get_by_role("button", name="Copy").wait_for(timeout=START_MS)
    return str(message.inner_text())


if __name__ == "__main__":
    main(*sys.argv[1:])
