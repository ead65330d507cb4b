import { type ComponentChildren, cloneElement, type VNode } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';

interface DialogProps {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

/** Something to be done first. The browser keeps the focus inside, and Escape closes it. */
export function Dialog({ children, onClose, title }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const opener = document.activeElement;
    dialog.current?.showModal();
    return () => {
      if (opener instanceof HTMLElement) opener.focus();
    };
  }, []);
  return (
    <dialog ref={dialog} aria-labelledby={id} onClose={onClose}>
      <div class="stack">
        <h2 id={id}>{title}</h2>
        {children}
      </div>
    </dialog>
  );
}

interface FieldProps {
  readonly name: string;
  readonly note?: string;
  /** The control. */
  readonly children: VNode<{ id?: string; 'aria-describedby'?: string }>;
}

/** A label above what it names, and a note below. */
export function Field({ children, name, note }: FieldProps) {
  const id = useId();
  const described = note === undefined ? {} : { 'aria-describedby': `${id}-note` };
  return (
    <div class="field">
      <label for={id}>{name}</label>
      {cloneElement(children, { id, ...described })}
      {note === undefined ? null : <small id={`${id}-note`}>{note}</small>}
    </div>
  );
}
