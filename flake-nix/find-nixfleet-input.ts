import type { FlakeInput } from './types.ts';

/** The input that carries the agent: the one called `nixfleet`, else the one whose repository is. */
export function findNixfleetInput<T extends Pick<FlakeInput, 'name' | 'url' | 'attributes'>>(
  inputs: readonly T[],
): T | undefined {
  return (
    inputs.find(({ name }) => name === 'nixfleet') ??
    inputs.find(
      ({ url, attributes }) =>
        repositoryName(url?.text ?? attributes.get('url') ?? '') === 'nixfleet' ||
        attributes.get('repo') === 'nixfleet',
    )
  );
}

/** `github:owner/NAME/branch`, `git+https://host/any/NAME.git?ref=branch`. */
function repositoryName(url: string): string | undefined {
  const [address = ''] = url.split(/[?#]/, 1);
  const forge = /^(?:github|gitlab|sourcehut):[^/]*\/([^/]*)/.exec(address);
  return forge ? forge[1] : /([^/:]*?)(?:\.git)?\/*$/.exec(address)?.[1];
}
