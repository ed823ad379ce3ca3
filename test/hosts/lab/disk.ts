// A host's disk: an overlay over the root file system that all hosts share. What the host writes lies in a folder of this
// machine (fast: a host's power loss then keeps all it wrote), or in a small file system of its own, which loses with the
// power what was not synced, and can be full.
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';

export interface OwnFileSystem {
  /** Its size; it is full when the host has written so much. */
  readonly megabytes: number;
}

export interface DiskPlan {
  /** The host's folder out here. */
  readonly folder: string;
  /** The root file system below. */
  readonly rootfs: string;
  /** Shown in the list of mounts. */
  readonly label: string;
  readonly own: OwnFileSystem | undefined;
}

const quiet = { stdin: 'ignore' } as const;

export class Disk {
  /** Where the host's root is seen out here. */
  readonly root: string;
  readonly #plan: DiskPlan;

  private constructor(plan: DiskPlan) {
    this.#plan = plan;
    this.root = join(plan.folder, 'root');
  }

  static async make(plan: DiskPlan): Promise<Disk> {
    const disk = new Disk(plan);
    mkdirSync(disk.root, { recursive: true });
    mkdirSync(disk.#written);
    if (plan.own) {
      await execa('truncate', ['--size', `${plan.own.megabytes}M`, disk.#image], quiet);
      await execa('mkfs.ext4', ['-q', '-m', '0', '-E', 'lazy_itable_init=1,lazy_journal_init=1', disk.#image], quiet);
    }
    await disk.#mount();
    return disk;
  }

  /** Where what the host writes lies. */
  get #written(): string {
    return join(this.#plan.folder, 'disk');
  }

  get #image(): string {
    return join(this.#plan.folder, 'disk.img');
  }

  async #mount(): Promise<void> {
    const { rootfs, label, own } = this.#plan;
    // nothing but fsync and its like commits what changed: the longest that ext4 takes is as long as a test
    if (own) await execa('mount', ['-o', 'loop,noatime,commit=900', this.#image, this.#written], quiet);
    const [upper, work] = ['upper', 'work'].map(part => join(this.#written, part));
    for (const folder of [upper, work]) mkdirSync(`${folder}`, { recursive: true });
    const options = `lowerdir=${rootfs},upperdir=${upper},workdir=${work}`;
    const mount = (extra: string) => execa('mount', ['-t', 'overlay', label, '-o', options + extra, this.root], quiet);
    // volatile: a sync costs nothing, where it means nothing
    if (own) await mount('');
    else await mount(',volatile').catch(() => mount(''));
  }

  /** Everything that was written so far is on the disk. */
  async sync(): Promise<void> {
    await execa('sync', ['--file-system', this.#written], quiet);
  }

  /**
   * What becomes of the disk when the power goes, after the host's last process: it holds what had reached the device, and
   * the next mount replays its journal. Without a file system of its own it keeps everything.
   */
  async losePower(): Promise<void> {
    if (!this.#plan.own) return;
    const asItIs = `${this.#image}.after`;
    // what the mount below still holds in memory reaches only the image that is thrown away
    await execa('cp', ['--sparse=always', this.#image, asItIs], quiet);
    await execa('umount', [this.root], quiet);
    await execa('umount', [this.#written], quiet);
    rmSync(this.#image);
    renameSync(asItIs, this.#image);
    await this.#mount();
  }
}
