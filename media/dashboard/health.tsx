// How the coordination server is, and what it refused.
import type { ServerHealth } from '../../protocol/server';
import { RESTART, Run, SHOW_LOG } from './command';
import { bytes, count, duration } from './format';
import { Card, Empty, Table } from './pieces';
import { text } from './strings';

export function Health({ health }: { health: ServerHealth }) {
  const refused = (Object.keys(text.refusals) as (keyof typeof text.refusals)[]).filter(
    (why) => health.refused[why] > 0,
  );
  return (
    <div class="cards">
      <Card title={text.troubles} wide>
        {health.troubles.length === 0 ? (
          <p>{text.healthy}</p>
        ) : (
          <ul class="trouble">
            {health.troubles.map((trouble) => (
              <li key={trouble}>{trouble}</li>
            ))}
          </ul>
        )}
      </Card>
      <Card title={text.server}>
        <dl class="pairs">
          <dt>{text.uptime}</dt>
          <dd>{duration(health.uptime)}</dd>
          <dt>{text.serverMemory}</dt>
          <dd>{bytes(health.memoryBytes)}</dd>
          <dt>{text.connections}</dt>
          <dd>{count(health.connections)}</dd>
          <dt>{text.index}</dt>
          <dd>{health.indexed ? text.indexed : text.indexing}</dd>
          <dt>{text.files}</dt>
          <dd>{count(health.files)}</dd>
          <dt>{text.modules}</dt>
          <dd>{count(health.modules)}</dd>
          <dt>{text.edges}</dt>
          <dd>{count(health.edges)}</dd>
          <dt>{text.process}</dt>
          <dd>{String(health.pid)}</dd>
          <dt>{text.protocol}</dt>
          <dd>{String(health.protocol)}</dd>
        </dl>
        <div class="buttons">
          <Run command={RESTART} secondary />
          <Run command={SHOW_LOG} secondary />
        </div>
      </Card>
      <Card title={text.refused}>
        {refused.length === 0 ? (
          <Empty>{text.refusedNone}</Empty>
        ) : (
          <Table
            label={text.refused}
            rows={refused}
            rowKey={(why) => why}
            columns={[
              { title: text.reasonColumn, cell: (why) => text.refusals[why] },
              { title: text.countColumn, numeric: true, cell: (why) => count(health.refused[why]) },
            ]}
          />
        )}
      </Card>
    </div>
  );
}
