import type { HostKind } from '../../flake-nix/types.ts';
import type { RolloutId, RunId } from '../../protocol/index.ts';

/** What stands in the tree. VS Code knows a node by object identity, so the view makes each node once. */
export type TreeNode = RolloutNode | HostNode | DetailNode | RunsNode | RunNode | ConfiguredNode;

/** Several hosts that are updated in one go; stands above the hosts while it goes on. */
export interface RolloutNode {
  readonly kind: 'rollout';
  readonly rolloutId: RolloutId;
}

export interface HostNode {
  readonly kind: 'host';
  readonly host: string;
}

export interface DetailNode {
  readonly kind: 'detail';
  readonly host: string;
  readonly detail: string;
}

export interface RunsNode {
  readonly kind: 'runs';
  readonly host: string;
}

export interface RunNode {
  readonly kind: 'run';
  readonly host: string;
  readonly runId: RunId;
}

/** A configuration of nixcfg that no host of the fleet is built from. */
export interface ConfiguredNode {
  readonly kind: 'configured';
  /** Its name; there is no host of it. */
  readonly host: string;
  readonly output: HostKind;
}

/** Stable and unique: expansion and selection hang on it. */
export function nodeId(node: TreeNode): string {
  switch (node.kind) {
    case 'rollout':
      return `rollout/${node.rolloutId}`;
    case 'host':
      return `host/${node.host}`;
    case 'detail':
      return `host/${node.host}/${node.detail}`;
    case 'runs':
      return `host/${node.host}/runs`;
    case 'run':
      return `host/${node.host}/runs/${node.runId}`;
    case 'configured':
      return `configured/${node.output}/${node.host}`;
  }
}
