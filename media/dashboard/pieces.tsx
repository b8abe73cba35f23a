// Small pieces that every view uses: figures that may be missing, disclosures, plain tables. They know no metrics.
import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { text } from './strings';
import { useView } from './context';
import { percent as percentText } from './format';

/** A figure, or a dash that a screen reader reads as what it means. */
export function Figure<T>({ of, as }: { of: T | null | undefined; as: (value: T) => string }) {
  if (of !== null && of !== undefined) return <>{as(of)}</>;
  return (
    <>
      <span aria-hidden="true">–</span>
      <span class="unseen">{text.none}</span>
    </>
  );
}

/** A chart's table and the like: closed until asked for, and open again when the page comes back. */
export function Disclosure({ id, title, children }: { id: string; title: string; children: ComponentChildren }) {
  const { view, change } = useView();
  const open = view.open.includes(id);
  const toggled = (event: Event): void => {
    const now = (event.currentTarget as HTMLDetailsElement).open;
    if (now === open) return;
    change((last) => ({ open: [...last.open.filter((other) => other !== id), ...(now ? [id] : [])] }));
  };
  return (
    <details open={open} onToggle={toggled}>
      <summary>{title}</summary>
      {open && children}
    </details>
  );
}

export interface TableColumn<Row> {
  title: string;
  cell: (row: Row) => ComponentChildren;
  numeric?: boolean;
}

/** A short table; its first column names the row. */
export function Table<Row>({
  label,
  columns,
  rows,
  rowKey,
}: {
  label: string;
  columns: readonly TableColumn<Row>[];
  rows: readonly Row[];
  rowKey: (row: Row, index: number) => string | number;
}) {
  return (
    <Scroller label={label}>
      <table>
        <thead>
          <tr>
            {columns.map(({ title, numeric }) => (
              <th key={title} scope="col" class={numeric ? 'number' : ''}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, position) => (
            <tr key={rowKey(row, position)}>
              {columns.map(({ title, cell, numeric }, index) =>
                index === 0 ? (
                  <th key={title} scope="row">
                    {cell(row)}
                  </th>
                ) : (
                  <td key={title} class={numeric ? 'number' : ''}>
                    {cell(row)}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroller>
  );
}

/** Can be reached by keys where there is something to scroll, and costs no stop on the way where there is not. */
function Scroller({ label, children }: { label: string; children: ComponentChildren }) {
  const place = useRef<HTMLDivElement>(null);
  const [wider, setWider] = useState(false);
  useLayoutEffect(() => {
    const { current } = place;
    if (current === null) return;
    const measure = new ResizeObserver(() => setWider(current.scrollWidth > current.clientWidth));
    measure.observe(current);
    if (current.firstElementChild !== null) measure.observe(current.firstElementChild);
    return () => measure.disconnect();
  }, []);
  return (
    <div class="scroller" ref={place} {...(wider ? { tabIndex: 0, role: 'group', 'aria-label': label } : {})}>
      {children}
    </div>
  );
}

/** A native select with its label before it. */
export function Select<Value extends string | number>({
  id,
  label,
  value,
  options,
  onChange,
}: {
  id: string;
  label: string;
  value: Value;
  options: readonly { value: Value; title: string }[];
  onChange: (value: Value) => void;
}) {
  const chosen = (event: Event): void => {
    const { value: raw } = event.currentTarget as HTMLSelectElement;
    const option = options.find((candidate) => String(candidate.value) === raw);
    if (option !== undefined) onChange(option.value);
  };
  return (
    <span class="field">
      <label for={id}>{label}</label>
      <select id={id} value={String(value)} onChange={chosen}>
        {options.map((option) => (
          <option key={option.value} value={String(option.value)}>
            {option.title}
          </option>
        ))}
      </select>
    </span>
  );
}

/** What stands where figures will be. */
export function Empty({ children }: { children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}

export function Card({
  title,
  children,
  wide = false,
}: {
  title: string;
  children: ComponentChildren;
  wide?: boolean;
}) {
  return (
    <section class={wide ? 'card wide' : 'card'}>
      <h2>{title}</h2>
      {children}
    </section>
  );
}

/** A share as a bar with its figure, for a cell of a table. */
export function Share({ of }: { of: number | null }) {
  return (
    <span class="share">
      <svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
        <rect class="track" width="100" height="8" />
        <rect class="fill" width={(of ?? 0) * 100} height="8" />
      </svg>
      <span class="value">
        <Figure of={of} as={percentText} />
      </span>
    </span>
  );
}
