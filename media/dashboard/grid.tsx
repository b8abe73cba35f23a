// A table of any length: only the rows in sight are in the page. Arrow keys move, and the focus never gets lost.
import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Sort } from './view';

export interface GridColumn<Row> {
  key: string;
  title: string;
  /** Class that gives the width. */
  width: string;
  numeric?: boolean;
  cell: (row: Row) => ComponentChildren;
}

export interface GridProps<Row> {
  label: string;
  columns: readonly GridColumn<Row>[];
  /** In the order shown. */
  rows: readonly Row[];
  rowKey: (row: Row, index: number) => string;
  sort?: Sort;
  /** Every column can be sorted by; the caller does it. */
  onSort?: (sort: Sort) => void;
  /** Key of the row that is selected. */
  selected?: string | null;
  onSelect?: (key: string) => void;
  /** Enter or a double click. */
  onActivate?: (row: Row) => void;
  /** Pixels; where the user left it. */
  scroll: number;
  onScroll: (scroll: number) => void;
}

/** Rows beyond the edges, so that a scroll by one shows no gap. */
const MARGIN = 6;

export function DataGrid<Row>(props: GridProps<Row>) {
  const { label, columns, rows, rowKey, sort, onSort, selected = null, onSelect, onActivate, scroll, onScroll } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(scroll);
  const [sight, setSight] = useState(400);
  const [active, setActive] = useState(0);
  const height = rowHeight();
  const id = `grid-${label.replace(/\W+/g, '-')}`;

  useLayoutEffect(() => {
    const { current } = scroller;
    if (current === null) return;
    current.scrollTop = scroll;
    const measure = new ResizeObserver(() => setSight(current.clientHeight));
    measure.observe(current);
    return () => measure.disconnect();
  }, []);

  const scrolled = (): void => {
    const now = scroller.current?.scrollTop ?? 0;
    setTop(now);
    onScroll(now);
  };
  const first = Math.max(0, Math.min(Math.floor(top / height) - MARGIN, rows.length - 1));
  const last = Math.min(rows.length, Math.ceil((top + sight) / height) + MARGIN);
  // Rows come and go and change places: the selected one is followed by its key.
  const followed = indexOf(rows, rowKey, selected);
  const current = followed >= 0 ? followed : Math.min(active, rows.length - 1);

  // Keys may come faster than drawings.
  const at = useRef(current);
  at.current = current;
  const go = (to: number): void => {
    const index = Math.max(0, Math.min(rows.length - 1, to));
    at.current = index;
    const row = rows[index];
    if (row === undefined) return;
    setActive(index);
    onSelect?.(rowKey(row, index));
    bring(scroller.current, index, height);
  };
  const pressed = (event: KeyboardEvent): void => {
    // Keys of the header's buttons are theirs.
    if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(sight / height) - 2);
    const targets: Record<string, number> = {
      ArrowDown: at.current + 1,
      ArrowUp: at.current - 1,
      PageDown: at.current + page,
      PageUp: at.current - page,
      Home: 0,
      End: rows.length - 1,
      ' ': at.current,
    };
    const to = targets[event.key];
    const row = rows[at.current];
    if (to !== undefined) go(to);
    else if (event.key === 'Enter' && row !== undefined) onActivate?.(row);
    else return;
    event.preventDefault();
  };

  return (
    <div class="grid" ref={scroller} onScroll={scrolled} style={{ '--row': `${height}px` }}>
      <table
        role="grid"
        aria-label={label}
        aria-rowcount={rows.length + 1}
        aria-activedescendant={current >= first && current < last ? `${id}-${current}` : undefined}
        tabIndex={0}
        onKeyDown={pressed}
        // Tabbing into the grid brings its row into sight.
        onFocus={(event) => event.target === event.currentTarget && bring(scroller.current, current, height)}
      >
        <thead>
          <tr aria-rowindex={1}>
            {columns.map((column) => (
              <th
                key={column.key}
                scope="col"
                class={column.numeric ? `${column.width} number` : column.width}
                aria-sort={sort?.key !== column.key ? undefined : sort.descending ? 'descending' : 'ascending'}
              >
                {onSort !== undefined ? (
                  <button
                    type="button"
                    class="sort"
                    onClick={() =>
                      onSort({
                        key: column.key,
                        // Figures are wanted largest first, names from A on.
                        descending: sort?.key === column.key ? !sort.descending : column.numeric === true,
                      })
                    }
                  >
                    {column.title}
                    {sort?.key === column.key && <span aria-hidden="true">{sort.descending ? ' ↓' : ' ↑'}</span>}
                  </button>
                ) : (
                  column.title
                )}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <Space height={first * height} columns={columns.length} />
          {rows.slice(first, last).map((row, offset) => {
            const index = first + offset;
            const key = rowKey(row, index);
            return (
              <tr
                key={key}
                id={`${id}-${index}`}
                aria-rowindex={index + 2}
                aria-selected={onSelect === undefined ? undefined : key === selected}
                class={index === current ? 'active' : ''}
                onClick={() => go(index)}
                onDblClick={() => onActivate?.(row)}
              >
                {columns.map((column) => (
                  <td key={column.key} class={column.numeric ? `${column.width} number` : column.width}>
                    {column.cell(row)}
                  </td>
                ))}
              </tr>
            );
          })}
          <Space height={Math.max(0, rows.length - last) * height} columns={columns.length} />
        </tbody>
      </table>
    </div>
  );
}

/** Stands for the rows that are not in the page. */
function Space({ height, columns }: { height: number; columns: number }) {
  return height === 0 ? null : (
    <tr class="space" aria-hidden="true">
      <td colSpan={columns} style={{ height: `${height}px` }} />
    </tr>
  );
}

function indexOf<Row>(rows: readonly Row[], rowKey: GridProps<Row>['rowKey'], key: string | null): number {
  return key === null ? -1 : rows.findIndex((row, index) => rowKey(row, index) === key);
}

/** Grows with the font, in whole pixels, so that many rows add up. */
function rowHeight(): number {
  return Math.max(22, Math.round(parseFloat(getComputedStyle(document.body).fontSize) * 1.85));
}

/** Scrolls so far as to show the row, below the header that stays. */
function bring(scroller: HTMLElement | null, index: number, height: number): void {
  if (scroller === null) return;
  const header = scroller.querySelector('thead')?.clientHeight ?? height;
  const top = index * height;
  if (top < scroller.scrollTop) scroller.scrollTop = top;
  else if (top + height + header > scroller.scrollTop + scroller.clientHeight) {
    scroller.scrollTop = top + height + header - scroller.clientHeight;
  }
}
