const native = typeof CSS !== 'undefined' && CSS.supports('field-sizing', 'content');

/** grow makes a field as high as its text, where CSS cannot. */
export function grow(field: HTMLTextAreaElement) {
  if (native) return undefined;
  const fit = () => {
    field.style.height = 'auto';
    field.style.height = `${field.scrollHeight}px`;
  };
  fit();
  field.addEventListener('input', fit);
  return () => field.removeEventListener('input', fit);
}
