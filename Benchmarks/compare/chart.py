"""A picture of recall against queries per second, as SVG."""
import html
import math

WIDTH, HEIGHT = 760, 480
LEFT, RIGHT, TOP, BOTTOM = 70, 230, 40, 50
COLORS = ["#c0392b", "#2471a3", "#1e8449", "#b7950b", "#6c3483", "#566573", "#d35400", "#117a65"]


def frontier(points):
    """The points that no other beats in both recall and QPS, by recall ascending."""
    best, kept = 0, []
    for recall, qps in sorted(points, reverse=True):
        if qps > best:
            kept.append((recall, qps))
            best = qps
    return kept[::-1]


def svg(title, curves, k):
    """`curves`: name → [(recall, QPS)]; each is drawn by its frontier, QPS on a logarithmic axis."""
    curves = {name: frontier(points) for name, points in curves.items() if points}
    everything = [point for points in curves.values() for point in points]
    low = math.floor(min(r for r, _ in everything) * 20) / 20
    high = min(1, math.ceil(max(r for r, _ in everything) * 20) / 20)
    high = high if high > low else low + 0.05
    bottom = math.floor(math.log10(min(q for _, q in everything)) * 2) / 2
    top = math.ceil(math.log10(max(q for _, q in everything)) * 2) / 2
    top = top if top > bottom else bottom + 0.5

    def x(recall):
        return LEFT + (recall - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def y(qps):
        return HEIGHT - BOTTOM - (math.log10(qps) - bottom) / (top - bottom) * (HEIGHT - TOP - BOTTOM)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
           f'<text x="{LEFT}" y="22" font-size="14">{html.escape(title)}</text>']
    steps = max(1, round((high - low) / 0.05))
    for i in range(steps + 1):
        recall = low + i * (high - low) / steps
        out.append(f'<path d="M{x(recall):.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#ddd"/>'
                   f'<text x="{x(recall):.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{recall:.2f}</text>')
    for decade in range(math.floor(bottom), math.ceil(top) + 1):
        for digit in (1, 2, 5):
            value = digit * 10.0**decade
            if bottom <= math.log10(value) <= top:
                out.append(f'<path d="M{LEFT} {y(value):.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>'
                           f'<text x="{LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value:,.0f}</text>')
    out.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 12}" text-anchor="middle">recall@{k}</text>'
               f'<text x="16" y="{HEIGHT / 2}" transform="rotate(-90 16 {HEIGHT / 2})" text-anchor="middle">queries per second</text>')
    for i, (name, points) in enumerate(curves.items()):
        color = COLORS[i % len(COLORS)]
        path = " ".join(f"{x(r):.1f},{y(q):.1f}" for r, q in points)
        out.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"/>')
        out += [f'<circle cx="{x(r):.1f}" cy="{y(q):.1f}" r="3" fill="{color}"><title>{r:.4f}, {q:,.0f}</title></circle>' for r, q in points]
        place = TOP + 14 + 18 * i
        out.append(f'<rect x="{WIDTH - RIGHT + 16}" y="{place - 9}" width="10" height="10" fill="{color}"/>'
                   f'<text x="{WIDTH - RIGHT + 32}" y="{place}">{html.escape(name)}</text>')
    return "\n".join([*out, "</svg>", ""])
