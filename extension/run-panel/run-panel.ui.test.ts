import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'mocha';
import { SCENARIOS } from './preview/scenarios.ts';
import { Stage, type Shown } from './preview/stage.ts';
import { THEME_NAMES, type ThemeName } from './preview/themes.ts';

describe('the page of the run panel', function () {
  this.timeout(60_000);
  let stage: Stage;
  let shown: Shown | undefined;

  before(async () => {
    stage = await Stage.open();
  });
  after(() => stage.close());
  afterEach(async () => {
    await shown?.close();
    shown = undefined;
  });

  async function show(
    name: string,
    { theme, width }: { theme: ThemeName; width: number } = { theme: 'dark', width: 1000 },
  ): Promise<Shown> {
    await shown?.close();
    shown = await stage.show(SCENARIOS[name]!(), { theme, width, height: 760 });
    return shown;
  }

  const rowText = (which: 'first' | 'last'): string =>
    `(document.querySelector('.rows')?.${which}ElementChild?.lastElementChild?.textContent ?? '')`;
  const scroller = `document.querySelector('.scroller')`;
  const lines = (from: number, count: number): string =>
    Array.from({ length: count }, (_, i) => `line ${from + i}\n`).join('');
  const hasSettled = `JSON.parse(sessionStorage.getItem('state')).row !== null`;
  const isAtEnd = `${scroller}.scrollTop + ${scroller}.clientHeight >= ${scroller}.scrollHeight - 12`;

  it('shows every state in every theme, wide and narrow, without breaking its policy or its width', async () => {
    for (const name of Object.keys(SCENARIOS)) {
      const theme = THEME_NAMES[Object.keys(SCENARIOS).indexOf(name) % THEME_NAMES.length] ?? 'dark';
      for (const width of [400, 1000]) {
        const { page, troubles, evaluate } = await show(name, { theme, width });
        await page.getByRole('heading', { level: 1 }).waitFor();
        assert.deepEqual(troubles, [], name);
        const overflow = await evaluate(`[...document.querySelectorAll('.page, .top, .side, .fold-body')]
          .filter(element => element.scrollWidth > element.clientWidth + 1).map(element => element.className)`);
        assert.deepEqual(overflow, [], `${name} at ${width}`);
      }
    }
  });

  it('stands still while nothing is heard of the run, and goes on when something is', async () => {
    const { page, become, evaluate, until } = await show('building-unheard-of');
    const elapsed = `document.querySelector('.elapsed').textContent`;
    const running = `document.getAnimations().filter(animation => animation.playState === 'running').length`;
    await page.getByText('What is here is what was last known.').waitFor();
    assert.equal(await evaluate(running), 0);
    await until(`${elapsed} === '6 s'`);
    const { outage: _, ...heardOf } = SCENARIOS['building-unheard-of']!();
    become(heardOf);
    await until(`${elapsed} !== '6 s' && ${running} > 0`);
  });

  it('follows the end of the output', async () => {
    const { write, until } = await show('building');
    write(lines(0, 500));
    await until(`${rowText('last')} === 'line 499' && ${isAtEnd}`);
    write(lines(500, 3));
    await until(`${rowText('last')} === 'line 502' && ${isAtEnd}`);
  });

  it('stays where the reader scrolled to until they want the end again', async () => {
    const { page, write, until, evaluate } = await show('building');
    write(lines(0, 500));
    await until(`${rowText('last')} === 'line 499'`);
    await page.locator('.scroller').hover();
    await page.mouse.wheel(0, -2000);
    const jump = page.getByRole('button', { name: 'Jump to End' });
    await jump.waitFor();
    await until(hasSettled);
    const before = await evaluate<number>(`${scroller}.scrollTop`);
    write(lines(500, 500));
    await until(`document.querySelector('.output-bar').textContent.includes('1,268')`);
    assert.equal(await evaluate(`${scroller}.scrollTop`), before);
    await jump.click();
    await until(`${rowText('last')} === 'line 999' && ${isAtEnd}`);
    await jump.waitFor({ state: 'hidden' });
  });

  it('shows any of a million lines, and holds only those near the view', async () => {
    const { output, write, until, evaluate } = await show('queued');
    for (let from = 0; from < 1_000_000; from += 50_000) {
      write(lines(from, 50_000));
      await output.flush();
    }
    await until(`${rowText('last')} === 'line 999999'`);
    await evaluate(`(${scroller}.scrollTop = 0, 0)`);
    await until(`${rowText('first')} === 'line 0'`);
    await evaluate(`(${scroller}.scrollTop = ${scroller}.scrollHeight / 2, 0)`);
    await until(`/^line [45]\\d{5}$/.test(${rowText('first')}) && /^line [45]\\d{5}$/.test(${rowText('last')})`);
    assert.ok((await evaluate<number>(`document.querySelectorAll('*').length`)) < 600);
  });

  it('takes lines that are as long as they like', async () => {
    const { write, until, evaluate } = await show('queued');
    write(`${'wide '.repeat(1_000_000)}\nend\n`);
    await until(`${rowText('last')} === 'end'`);
    assert.ok((await evaluate<number>('document.documentElement.scrollWidth')) <= 1000);
  });

  it('copies what is selected as it was written: without times, and a long line as one', async () => {
    const { page, write, until, evaluate } = await show('queued');
    write(`first\n${'0123456789'.repeat(600)}\n\x1b[31mred\x1b[0m end\n`);
    await until(`${rowText('last')} === 'red end'`);
    await page.getByText('Timestamps').click();
    const copied = await evaluate<string>(`(() => {
      const rows = document.querySelector('.rows');
      document.getSelection().selectAllChildren(rows);
      const event = new ClipboardEvent('copy', { clipboardData: new DataTransfer(), bubbles: true, cancelable: true });
      rows.dispatchEvent(event);
      return event.clipboardData.getData('text/plain');
    })()`);
    assert.equal(copied, `first\n${'0123456789'.repeat(600)}\nred end`);
  });

  it('does not run away from what is selected', async () => {
    const { write, until, evaluate } = await show('queued');
    write(lines(0, 200));
    await until(`${rowText('last')} === 'line 199'`);
    await evaluate(`document.getSelection().selectAllChildren(document.querySelector('.rows').lastElementChild)`);
    write(lines(200, 200));
    await until(`document.querySelector('.output-bar').textContent.includes('400')`);
    assert.equal(await evaluate(`document.getSelection().toString().trim()`), 'line 199');
  });

  it('comes back as it was after it was hidden, and knows what happened meanwhile', async () => {
    const { page, write, until, evaluate, hideAndReveal, become } = await show('building');
    write(lines(0, 900));
    await until(`${rowText('last')} === 'line 899'`);
    await page.getByRole('heading', { name: 'Commands' }).click();
    await page.locator('.scroller').hover();
    await page.mouse.wheel(0, -3000);
    await page.getByRole('button', { name: 'Jump to End' }).waitFor();
    await until(hasSettled);
    const { row } = await evaluate<{ row: number }>(`JSON.parse(sessionStorage.getItem('state'))`);
    become(SCENARIOS['succeeded']!());
    await hideAndReveal();
    await page.getByText('Updated', { exact: true }).waitFor();
    assert.ok(await evaluate(`document.querySelector('.fold-commands').open`));
    await until(
      `Math.abs(${scroller}.scrollTop / document.querySelector('.probe').getBoundingClientRect().height - ${row}) < 2`,
    );
    await until(`/line \\d+/.test(${rowText('first')})`);
  });

  it('keeps the focus on a button while the run goes on', async () => {
    const { page, become, until } = await show('building');
    await page.getByRole('button', { name: 'Open Output' }).focus();
    become(SCENARIOS['failed-build']!());
    await page.getByRole('button', { name: 'Retry' }).waitFor();
    await until(`document.activeElement?.dataset.action === 'open-output'`);
  });

  it('can be used with the keyboard alone, in the order in which it is read', async () => {
    const { page, asked, evaluate } = await show('failed-build');
    const focused = `(document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent).trim()`;
    const order: string[] = [];
    for (let i = 0; i < 17; i++) {
      await page.keyboard.press('Tab');
      order.push(await evaluate<string>(focused));
    }
    assert.deepEqual(order, [
      'Retry',
      'Open in Diff Editor',
      'Open Output',
      'Save Output',
      'Last lines of output',
      'Timestamps',
      'Find in Output',
      'Output',
      'flake.lock1 input changed, then put back',
      'Compare the revisions of nixfleet on its forge',
      'nixcfg3 commits pulled',
      'Open commit 01e1902 on its forge',
      'Open commit 02e1902 on its forge',
      'Open commit 03e1902 on its forge',
      'Compare on the forge',
      'Commands3',
      'Host and Generation',
    ]);
    await page.getByRole('button', { name: 'Retry' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Compare the revisions' }).press('Space');
    assert.equal(asked[0], 'retry');
    assert.match(asked[1] ?? '', /^open https:\/\/github\.com\/nixfleet\/nixfleet\/compare\//);
  });

  it('says to those who do not see it that the run has moved on', async () => {
    const { page, become } = await show('building');
    const status = page.getByRole('status');
    assert.match((await status.textContent()) ?? '', /^Building\./);
    become(SCENARIOS['succeeded']!());
    await status.filter({ hasText: 'Updated. web-01 runs the new agent' }).waitFor();
  });

  it('shows how far the build is, also to those who do not see it, and claims no end that nobody knows', async () => {
    const { page } = await show('building');
    const built = page.getByRole('progressbar', { name: 'Built' });
    const values = async (): Promise<(string | null)[]> =>
      Promise.all(['aria-valuenow', 'aria-valuemax', 'aria-valuetext'].map(name => built.getAttribute(name)));
    assert.deepEqual(await values(), ['3', '12', '3 of 12 derivations']);
    assert.match(await page.locator('.now').innerText(), /^building nixfleet-agent-2\.4\.0 · .* · and 3 more$/);
    const unknown = await show('building-unknown');
    const bar = unknown.page.getByRole('progressbar', { name: 'Build' });
    assert.equal(await bar.getAttribute('aria-valuenow'), null);
    await unknown.page.emulateMedia({ reducedMotion: 'reduce' });
    assert.equal(
      await unknown.evaluate(`getComputedStyle(document.querySelector('.is-unknown .bar-fill')).animationName`),
      'none',
    );
  });

  it('lists the packages that change, and says when none does', async () => {
    const { page } = await show('succeeded');
    const rows = page.getByRole('table', { name: 'Packages' }).getByRole('row');
    assert.equal(await rows.count(), 7);
    assert.match(await rows.nth(3).innerText(), /python3\s+3\.11\.9, 3\.12\.9\s+3\.12\.10\s+−61\.3 MB/);
    const none = await show('no-package-changes');
    await none.page.getByText('no package changes').waitFor();
  });

  describe('finding in the output', () => {
    const count = `document.querySelector('.find-count').textContent`;
    const current = `document.querySelector('mark[data-current]')`;
    const rowOfCurrent = `${current}?.closest('.row').lastElementChild.textContent`;
    const isInView = `(() => {
      const [match, view] = [${current}, ${scroller}].map(element => element?.getBoundingClientRect());
      return match && match.top >= view.top && match.bottom <= view.bottom && match.left >= view.left && match.right <= view.right;
    })()`;

    it('is opened by the editor’s key, goes from match to match, and gives the focus back to the output', async () => {
      const { page, write, until, troubles } = await show('queued');
      write(`${lines(0, 500)}\x1b[31mthe nee\x1b[1mdle\x1b[0m here\n${lines(500, 500)}a NEEDLE\n${lines(1000, 500)}`);
      await until(`${rowText('last')} === 'line 1499'`);
      await page.keyboard.press('Control+f');
      const search = page.getByRole('search', { name: 'Find in Output' });
      await search.getByRole('textbox', { name: 'Find in Output' }).waitFor();
      await page.keyboard.type('needle');
      await until(`${count} === '1 of 2' && ${rowOfCurrent} === 'the needle here' && ${isInView}`);
      await page.keyboard.press('Enter');
      await until(`${count} === '2 of 2' && ${rowOfCurrent} === 'a NEEDLE' && ${isInView}`);
      await page.keyboard.press('F3');
      await until(`${count} === '1 of 2'`);
      await page.keyboard.press('Shift+F3');
      await until(`${count} === '2 of 2'`);
      await page.keyboard.press('Shift+Enter');
      await until(`${count} === '1 of 2'`);
      await search.getByRole('button', { name: 'Next Match' }).click();
      await until(`${count} === '2 of 2'`);
      await search.getByRole('checkbox', { name: 'Match Case' }).click();
      await until(`${count} === '1 of 1' && ${rowOfCurrent} === 'the needle here'`);
      await page.keyboard.press('Escape');
      await search.waitFor({ state: 'hidden' });
      await until(`document.activeElement === ${scroller} && document.querySelector('mark') === null`);
      assert.deepEqual(troubles, []);
    });

    it('says how many there are to those who do not see it, and in words when there are none', async () => {
      const { page, write, until } = await show('queued');
      write(lines(0, 30));
      await until(`${rowText('last')} === 'line 29'`);
      await page.getByRole('button', { name: 'Find in Output' }).click();
      await page.keyboard.type('line 2');
      const spoken = `document.querySelector('.find-bar [aria-live=polite]').textContent`;
      await until(`${spoken} === '1 of 11' || ${spoken} === '2 of 11'`);
      await page.keyboard.type('00');
      await until(`${spoken} === 'No results' && ${count} === 'No results'`);
    });

    it('stays at the match while output comes, counts on, and follows again only when asked to', async () => {
      const { page, write, until, evaluate } = await show('building');
      write(lines(0, 300));
      await until(`${rowText('last')} === 'line 299'`);
      await page.keyboard.press('Control+f');
      await page.keyboard.type('line 29');
      await until(`${count} === '2 of 11' && ${isInView}`);
      const before = await evaluate<number>(`${scroller}.scrollTop`);
      write(lines(290, 1000));
      await until(`${count} === '2 of 21'`);
      assert.equal(await evaluate(`${scroller}.scrollTop`), before);
      await page.getByRole('button', { name: 'Jump to End' }).click();
      await until(`${rowText('last')} === 'line 1289' && ${isAtEnd}`);
      write(`${lines(290, 10)}end\n`);
      await until(`${count} === '2 of 31' && ${rowText('last')} === 'end' && ${isAtEnd}`);
    });

    it('follows the end again when nothing was found, also where the beginning of the text was', async () => {
      const { page, write, until } = await show('queued');
      write(lines(0, 300));
      await until(`${rowText('last')} === 'line 299' && ${isAtEnd}`);
      await page.keyboard.press('Control+f');
      await page.keyboard.type('n');
      await until(`${count}.endsWith(' of 300') && ${isInView}`);
      await page.keyboard.type('owhere');
      await until(`${count} === 'No results'`);
      await page.keyboard.press('Escape');
      write(lines(300, 300));
      await until(`${rowText('last')} === 'line 599' && ${isAtEnd}`);
    });

    it('stays where somebody went from match to match, although nothing is found of what is typed then', async () => {
      const { page, write, until, evaluate } = await show('queued');
      write(lines(0, 300));
      await until(`${rowText('last')} === 'line 299' && ${isAtEnd}`);
      await page.keyboard.press('Control+f');
      await page.keyboard.type('line 1');
      await until(`${count}.endsWith(' of 111') && ${isInView}`);
      // at once: no answer comes between the two
      await evaluate(`(input => {
        input.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter' }));
        input.value += 'nowhere';
        input.dispatchEvent(new Event('input'));
        return 0;
      })(document.activeElement)`);
      await until(`${count} === 'No results'`);
      const before = await evaluate<number>(`${scroller}.scrollTop`);
      await page.keyboard.press('Escape');
      write(lines(300, 300));
      await until(`document.querySelector('.output .fold-note').textContent === '600 lines'`);
      assert.equal(await evaluate(`${scroller}.scrollTop`), before);
    });

    it('finds in any of a million lines, also far to the right, and counts so many and no more', async () => {
      const { page, output, write, until, evaluate } = await show('queued');
      for (let from = 0; from < 1_000_000; from += 50_000) {
        write(lines(from, 50_000));
        if (from === 700_000) write(`${'wide '.repeat(700)}needle\n`);
        await output.flush();
      }
      await until(`${rowText('last')} === 'line 999999'`);
      await evaluate(`(${scroller}.scrollTop = 0, 0)`);
      await until(`${rowText('first')} === 'line 0'`);
      await page.keyboard.press('Control+f');
      await page.keyboard.type('needle');
      await until(`${count} === '1 of 1' && ${isInView}`);
      await page.keyboard.press('Control+f');
      await page.keyboard.type('line 99999');
      await until(`/^\\d+ of 11$/.test(${count}) && ${isInView}`);
      await page.keyboard.press('Control+f');
      await page.keyboard.type('line');
      await until(`/ of the first 100,000$/.test(${count})`);
      assert.ok((await evaluate<number>(`document.querySelectorAll('*').length`)) < 800);
    });

    it('highlights a match that goes over the end of a row', async () => {
      const { page, write, until, evaluate } = await show('queued');
      write(`${'x'.repeat(4093)}needle${'y'.repeat(100)}\n`);
      await until(`${rowText('last')}.endsWith('y')`);
      await page.keyboard.press('Control+f');
      await page.keyboard.type('needle');
      await until(`${count} === '1 of 1' && ${current} !== null`);
      assert.deepEqual(
        await evaluate(`[...document.querySelectorAll('mark[data-current]')].map(mark => mark.textContent)`),
        ['nee', 'dle'],
      );
    });

    it('looks for what is selected', async () => {
      const { page, write, until, evaluate } = await show('queued');
      write('one two\ntwo\n');
      await until(`${rowText('last')} === 'two'`);
      await evaluate(`document.getSelection().selectAllChildren(document.querySelector('.rows').lastElementChild)`);
      await page.keyboard.press('Control+f');
      await until(`document.querySelector('.find-input').value === 'two' && / of 2$/.test(${count})`);
    });

    it('goes on in a page that was not thrown away while it was hidden', async () => {
      const { page, link, write, until, evaluate } = await show('queued');
      write('one two\n');
      await page.keyboard.press('Control+f');
      await page.keyboard.type('two');
      await until(`${count} === '1 of 1'`);
      link.hide();
      write('two\n');
      await evaluate(`document.dispatchEvent(new Event('visibilitychange'))`);
      await until(`${count} === '1 of 2'`);
    });

    it('tells the current match by a line around it, in every theme', async () => {
      for (const theme of THEME_NAMES) {
        const { page, write, until, evaluate } = await show('queued', { theme, width: 1000 });
        write('two two\n');
        await until(`${rowText('last')} === 'two two'`);
        await page.keyboard.press('Control+f');
        await page.keyboard.type('two');
        await until(`${count} === '1 of 2' && ${current} !== null`);
        const lines = await evaluate(
          `[...document.querySelectorAll('mark')].map(mark => getComputedStyle(mark)).map(style => style.outlineStyle)`,
        );
        assert.deepEqual(lines, ['solid', theme.startsWith('high') ? 'dashed' : 'none'], theme);
      }
    });
  });

  it('says in words where the time went', async () => {
    const { page } = await show('succeeded');
    const group = page.getByRole('group', { name: 'Where the time went' });
    assert.match(await group.innerText(), /^Build 1 min 34 s \(82.%\) · Confirm 11 s \(10.%\)/);
  });

  it('does not turn anything for those who want no motion', async () => {
    const { page, evaluate } = await show('building');
    const animation = `getComputedStyle(document.querySelector('.icon-running')).animationName`;
    assert.equal(await evaluate(animation), 'turn');
    await page.emulateMedia({ reducedMotion: 'reduce' });
    assert.equal(await evaluate(animation), 'none');
  });
});
