/// How a page looks: system fonts, and colours that are told apart in light, in dark, and without red and green.
enum PageStyle {
    static let sheet = """
        :root {
          color-scheme: light dark;
          --ground: #ffffff; --card: #f6f7f9; --line: #dde1e6; --text: #1c2127; --soft: #5b6570;
          --ok: #2f6fde; --failed: #d9480f; --kept: #1b7f4b; --missed: #c62f1d;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --ground: #14171b; --card: #1d2126; --line: #333a42; --text: #e8ebee; --soft: #9aa5b1;
            --ok: #6ea3ff; --failed: #ff8f4d; --kept: #5fd39b; --missed: #ff8577;
          }
        }
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--ground); color: var(--text);
          font: 16px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
        main { max-width: 1120px; margin: 0 auto; padding: 20px 16px 40px; }
        h1 { font-size: 1.35rem; margin: 0; overflow-wrap: anywhere; }
        h1 span { font-weight: 400; }
        h2 { font-size: 1.05rem; margin: 0; display: inline; }
        section > h2 { display: block; margin: 28px 0 8px; }
        header p, figcaption, footer { color: var(--soft); margin: 4px 0 0; }
        header .verdict { font-weight: 600; }
        .verdict.kept, tr.kept td:first-child { color: var(--kept); }
        .verdict.missed, tr.missed td:first-child { color: var(--missed); }
        .tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(104px, 1fr)); gap: 8px; margin: 20px 0; }
        .tiles div { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 10px 12px; }
        dt { color: var(--soft); font-size: .85rem; }
        dd { margin: 0; font-size: 1.25rem; font-weight: 600; font-variant-numeric: tabular-nums; white-space: nowrap; }
        .charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 330px), 1fr)); gap: 12px;
          margin-top: 20px; }
        figure { margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 12px; }
        figcaption { margin: 0 0 8px; font-size: .9rem; }
        figcaption h2 { color: var(--text); display: block; }
        svg { display: block; width: 100%; height: auto; }
        svg text { font-size: 11px; fill: var(--soft); }
        svg .y { text-anchor: end; }
        svg .x, svg text.percentile { text-anchor: middle; }
        svg .grid { stroke: var(--line); stroke-width: 1; }
        svg .ok { fill: var(--ok); }
        svg .failed { fill: var(--failed); }
        svg .line { fill: none; stroke: var(--ok); stroke-width: 2; stroke-linejoin: round; }
        svg .mark { fill: var(--ok); }
        svg line.percentile { stroke: var(--text); stroke-width: 1; stroke-dasharray: 3 3; }
        .scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 8px; }
        table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: .92rem; }
        th, td { text-align: right; padding: 7px 12px; white-space: nowrap; border-top: 1px solid var(--line); }
        thead th { border-top: 0; color: var(--soft); font-weight: 500; background: var(--card); }
        th:first-child, td:first-child { text-align: left; }
        .text2 th:nth-child(2), .text2 td:nth-child(2) { text-align: left; white-space: normal; min-width: 12em; }
        footer { font-size: .85rem; margin-top: 28px; }
        """
}
