import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { serveCommand } from '../../../gateway/cli/serve.ts';
import { loadConfig } from '../../../gateway/config/load-config.ts';
import { workerCommand } from '../../../training/cli/commands/worker.ts';
import { parseRetrainConfig } from '../../../training/retrain/config.ts';
import { root } from '../../architecture/source-files.ts';
import { fencedBlocks } from '../../documents/fenced-blocks.ts';
import { mockUpstream, testConfig, testGateway } from '../gateway-fixture.ts';

const read = (path: string) => readFileSync(join(root, path), 'utf8');
const dockerfile = read('Dockerfile');
const compose = parse(read('gateway/deploy/compose.yaml'), { merge: true });
const kubernetes = parseAllDocuments(read('gateway/deploy/kubernetes.yaml')).map((document) => {
  expect(document.errors).toEqual([]);
  return document.toJS();
});
const ofKind = (kind: string) => kubernetes.find((document) => document.kind === kind);
const podOf = (kind: string) => {
  const { spec } = ofKind(kind);
  return (spec.jobTemplate?.spec ?? spec).template.spec;
};
const variablesOf = (text: string) => [...text.matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name).sort();
const instructions = dockerfile.replaceAll('\\\n', ' ').split('\n');

describe('the Dockerfile', () => {
  it('copies what is there, and nothing that .dockerignore leaves out', () => {
    const letIn = read('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    const copied = instructions
      .filter((line) => line.startsWith('COPY ') && !line.includes('--from') && !line.endsWith('COPY . .'))
      .flatMap((line) => line.split(/\s+/).slice(1, -1))
      .filter((path) => path !== '.');
    expect(copied.length).toBeGreaterThan(4);
    for (const path of [...copied, ...letIn]) expect(existsSync(join(root, path)), path).toBe(true);
    for (const path of copied)
      expect(
        letIn.some((known) => path.split('/')[0] === known.split('/')[0]),
        path,
      ).toBe(true);
  });

  it('copies every package before it installs', () => {
    const { workspaces } = JSON.parse(read('package.json'));
    for (const name of workspaces) expect(dockerfile).toContain(`COPY ${name}/package.json ${name}/`);
  });

  it('starts a command with options that it has', () => {
    const [, words] = /^CMD (\["serve".*\])$/m.exec(dockerfile)!;
    const known = serveCommand({} as never).options.map(({ long }) => long);
    const options = (JSON.parse(words) as string[]).filter((word) => word.startsWith('--'));
    expect(options.length).toBeGreaterThan(1);
    expect(options.filter((option) => !known.includes(option))).toEqual([]);
  });

  it('asks for its health where the gateway answers', async () => {
    const gateway = await testGateway(await testConfig(await mockUpstream()));
    const { ports } = compose.services.gateway;
    const {
      livenessProbe,
      readinessProbe,
      ports: [{ containerPort }],
    } = podOf('Deployment').containers[0];
    const address = /fetch\('(http[^']+)'\)/.exec(dockerfile)![1];
    expect(dockerfile).toContain(`EXPOSE ${containerPort}`);
    expect(ports).toEqual([`127.0.0.1:${containerPort}:${containerPort}`]);
    expect(new URL(address).port).toBe(String(containerPort));
    for (const path of [new URL(address).pathname, livenessProbe.httpGet.path, readinessProbe.httpGet.path])
      expect((await gateway.fetch(new Request(`http://gateway${path}`))).status, path).toBe(200);
  });
});

describe('the configurations that are deployed', () => {
  it('are ones, and each has its variables in compose and in Kubernetes', async () => {
    const config = await loadConfig(join(root, 'gateway/deploy/gateway.yaml'));
    expect(config.listen).toEqual({ host: '0.0.0.0', port: 8800 });
    const { services } = compose;
    const gateway = variablesOf(read('gateway/deploy/gateway.yaml'));
    expect(Object.keys(services.gateway.environment).sort()).toEqual(gateway);
    expect(
      podOf('Deployment')
        .containers[0].env.map(({ name }: { name: string }) => name)
        .sort(),
    ).toEqual(gateway);

    const text = read('gateway/deploy/retrain.yaml');
    const retrain = parseRetrainConfig(parse(text));
    expect(Object.keys(services.trainer.environment)).toEqual(expect.arrayContaining(variablesOf(text)));
    expect(podOf('CronJob').containers[0].env.map(({ name }: { name: string }) => name)).toEqual(
      variablesOf(text),
    );
    // What is trained is what is served.
    expect(config.routers.support.folder).toBe(retrain.router);
    expect(config.log?.postgres).toEqual(retrain.logs.postgres);
    const shown = fencedBlocks(read('docs/deployment.md')).find(({ name }) => name === 'retrain.yaml')!;
    expect(parseRetrainConfig(parse(shown.body)).logs.postgres).toEqual(retrain.logs.postgres);
  });

  it('have workers that a training can name: their queue, and a store that both may write to', () => {
    const { services } = compose;
    const { command, depends_on, image, profiles, volumes } = services.worker;
    const option = (words: readonly string[], name: string) => words[words.indexOf(name) + 1];
    const store = option(command, '--store');
    const known = workerCommand({} as never).options.map(({ long }) => long);
    const options = (command as string[]).filter((word) => word.startsWith('--'));
    expect(options.length).toBeGreaterThan(1);
    expect(options.filter((each) => !known.includes(each))).toEqual([]);
    expect(profiles).toEqual(['workers']);
    expect(image).toBe(services.trainer.image);
    expect(Object.keys(depends_on)).toEqual([new URL(option(command, '--engine')).hostname]);
    for (const mounts of [volumes, services.trainer.volumes]) expect(mounts).toContain(`shards:${store}`);
    // A volume has the owner of the folder that it is put over.
    expect(dockerfile).toContain(`mkdir ${store} && chown node:node ${store}`);
    const peers = Object.keys(JSON.parse(read('training/package.json')).peerDependencies);
    for (const name of ['bullmq', 'ioredis', '@aws-sdk/client-s3']) {
      expect(peers).toContain(name);
      expect(dockerfile).toContain(` ${name}@`);
    }
    for (const path of ['docs/deployment.md', 'gateway/deploy/compose.yaml']) {
      const shown = read(path).replaceAll(/\s*\\\n[ #]*/g, ' ');
      expect(shown).toContain(
        `trainer train '/logs/*.jsonl' --out /models/support --engine ${option(command, '--engine')} --store ${store}`,
      );
      expect(shown).toContain('--profile workers up --detach --scale worker=4');
    }
  });

  it('let a gateway keep what its dashboard shows where it may write, and not in the container alone', async () => {
    const { rollups } = await loadConfig(join(root, 'gateway/deploy/gateway.yaml'));
    const kept = dirname(rollups!.file);
    expect(compose.services.gateway.volumes).toContain(`gateway:${kept}`);
    expect(podOf('Deployment').containers[0].volumeMounts).toContainEqual({ name: 'data', mountPath: kept });
    expect(dockerfile).toContain(`mkdir ${kept} && chown node:node ${kept}`);
  });

  it('lie where the commands look for them, in volumes that are there', () => {
    const { services, volumes } = compose;
    for (const service of ['gateway', 'trainer']) {
      const mounts: string[] = services[service].volumes;
      const files = mounts.filter((mount) => mount.includes('.yaml'));
      for (const mount of files)
        expect(existsSync(join(root, 'gateway/deploy', mount.split(':')[0]))).toBe(true);
      const command = [...(services[service].command ?? []), dockerfile].join(' ');
      expect(
        files.some(
          (mount) =>
            command.includes(`--config ${mount.split(':')[1]}`) ||
            command.includes(`"${mount.split(':')[1]}"`),
        ),
      ).toBe(true);
    }
    const named = Object.values<{ volumes?: string[] }>(services).flatMap(({ volumes = [] }) =>
      volumes.filter((volume) => /^\w/.test(volume)),
    );
    expect([...new Set(named.map((volume) => volume.split(':')[0]))].sort()).toEqual(
      Object.keys(volumes).sort(),
    );
    for (const { depends_on = {} } of Object.values<{ depends_on?: object }>(services))
      for (const other of Object.keys(depends_on)) expect(services[other].healthcheck).toBeDefined();
    for (const kind of ['Deployment', 'CronJob']) {
      const pod = podOf(kind);
      const names = pod.volumes.map(({ name }: { name: string }) => name).sort();
      expect(pod.containers[0].volumeMounts.map(({ name }: { name: string }) => name).sort()).toEqual(names);
      expect(
        pod.volumes.find(({ name }: { name: string }) => name === 'models').persistentVolumeClaim.claimName,
      ).toBe(ofKind('PersistentVolumeClaim').metadata.name);
    }
    expect(ofKind('Service').spec.selector).toEqual(ofKind('Deployment').spec.template.metadata.labels);
  });
});
