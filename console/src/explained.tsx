// A number that can be asked what it is: by mouse, by key, by touch.

export function Explained({ name, value, how }: { name: string; value: string; how: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <details class="how">
          <summary>{value}</summary>
          <p>{how}</p>
        </details>
      </dd>
    </div>
  );
}
