import { render } from 'preact';
import { App } from './app.tsx';
import './style/tokens.css';
import './style/layout.css';
import './style/parts.css';
import './style/live.css';

render(<App />, document.getElementById('app') as HTMLElement);
