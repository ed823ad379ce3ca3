import type { Suite } from 'mocha';
import { REASON } from './cannot-run.ts';

/**
 * Makes a suite one story: what comes later begins where the earlier left off. Once a test of it has failed the others are
 * skipped, and are named in the summary of `npm test`. Mocha's own `bail` looks at the failures of the whole run, leaves out
 * stories that have not even begun, and says nothing of them.
 *
 *     describe('the first run', function () {
 *       oneStory(this);
 */
export function oneStory(suite: Suite): void {
  let failed: string | undefined;
  suite.beforeEach('goes on with the story', function () {
    if (failed === undefined) return;
    if (this.currentTest) Object.assign(this.currentTest, { [REASON]: `“${failed}” failed before it` });
    this.skip();
  });
  suite.afterEach('looks how far the story is', function () {
    if (this.currentTest?.state === 'failed') failed ??= this.currentTest.title;
  });
}
